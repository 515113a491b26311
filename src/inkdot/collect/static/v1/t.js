/*
 * The website tag: it tells the street which page is shown, how long somebody is active on it, and what is clicked.
 *
 * `tools/tag.py` makes t.min.js from this file, and the street serves that. Sites pin its hash, so once released it never
 * changes: a new version gets a new folder and a new address. What the letters mean: domain/beacon.py.
 *
 * It sets nothing global but `inkdot`, stores nothing before inkdot.consent(true), and what goes wrong in here stays in
 * here: every way in from the page is `safe`.
 */
try {
  const OFF = "-";

  const safe = (act) => (...given) => {
    try {
      act(...given);
    } catch {}
  };

  const script = document.currentScript;
  const { site, hash, consent } = script.dataset;
  const door = new URL("e", script.src);

  let waiting = consent != null; // nothing is read, kept or sent before inkdot.consent(true)
  let visitor = "";
  let queue = [];
  let view, url, count, active, told, depth, shown, since;

  const flush = safe(() => {
    if (waiting || visitor == OFF || !queue[0]) return;
    const sent = queue;
    // Joined by hand: an Array.prototype.toJSON of the page cannot spoil it.
    const body = `["${site}","${visitor}",${sent}]`;
    // What did not arrive goes with whatever comes next; the street knows what it has heard already.
    const back = () => (queue = sent.concat(queue).slice(-25));
    queue = [];
    if (shown)
      fetch(door, { method: "POST", body, keepalive: true })
        .then((answer) => answer.json())
        .catch(back)
        .then((said) => (api.said = said).actions && import("./a.js"));
    else navigator.sendBeacon(door, body) || back();
  });

  const add = (kind, more) => {
    queue.push(JSON.stringify({ k: kind, p: view, q: count++, u: url, ...more }));
    setTimeout(flush);
  };

  const heard = safe(({ type, timeStamp, target, button }) => {
    const here = location.href.split(hash == null ? "#" : " ")[0];
    const other = url != here;
    if (shown) active += Math.min(timeStamp - since, 3e4); // who touches nothing for longer (ms) does not read
    since = timeStamp;
    shown = type != "pagehide" && !document.hidden;
    // What was active so far on this page: the house counts what it did not know yet.
    if ((other || !shown) && active > told) add("engage", { e: (told = active), d: depth });
    // A page that is loaded ahead or in the background is a view once it is seen.
    if (shown && other) {
      count = active = told = depth = 0;
      view = Math.random();
      add("view", { r: url || document.referrer, u: (url = here) });
    }
    if (!shown) flush();
    if (type == "pagehide") url = 0; // so that one that comes back is a new one
    if (/cl|su/.test(type)) {
      const named = type > "d" ? target : target.closest("[data-inkdot-event]:not(form)");
      if (named) add("goal", { n: named.dataset.inkdotEvent || "form" });
      const link = target.closest("a[href]");
      if (link?.host && button < 2 && (link.host != location.host || link.pathname.split(".")[1]))
        add("click", { l: link.href });
    }
    depth = Math.max(depth, (scrollY + innerHeight) / document.body.scrollHeight); // no body yet: next time
  });

  const keep = (id) => (localStorage.inkdot = visitor = id);
  const api = {
    track: (name, detail) => add("goal", { n: name, x: detail }),
    identify: (person) => add("identify", { w: person }),
    consent: (given) => {
      waiting = !given;
      setTimeout(flush);
      if (visitor != OFF) keep(given ? localStorage.inkdot || Math.random() : "");
    },
    off: (yes) => keep(yes ? OFF : ""),
    push: ([name, ...rest]) => api[name](...rest),
  };
  for (const name in api) api[name] = safe(api[name]);

  heard(new Event(""));
  self.inkdot?.map?.(api.push);
  self.inkdot = api;
  "pagehide visibilitychange scroll keydown pointermove click auxclick submit"
    .split(" ")
    .map((type) => addEventListener(type, heard, true)); // on their way down
  // Where there is no Navigation API, a new page of a single-page app shows with the next sign of life.
  self.navigation?.addEventListener("currententrychange", heard);

  // Last, because it fails where storage is blocked; nothing was sent yet.
  if (!waiting) visitor = localStorage.inkdot || "";
  // One link for whoever does not want to be counted in this browser: any page with #inkdot-off, and #inkdot-on.
  if (/^#inkdot-o/.test(location.hash)) api.off(location.hash[9] == "f");
} catch {}
