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
  const safe = (act) => (...given) => {
    try {
      act(...given);
    } catch {}
  };

  // Past what the page may have named so: <form name=currentScript> hides the document's own.
  const script = Reflect.get(Document.prototype, "currentScript", document);
  const { site, hash } = script.dataset;

  let waiting = "consent" in script.dataset; // nothing is read, kept or sent before inkdot.consent(true)
  let visitor = ""; // "-" once somebody does not want to be counted
  let queue = [];
  let url, shown, active, view, depth, told, since, count;

  const flush = safe(() => {
    if (waiting || !queue[0]) return;
    const sent = queue;
    // Joined by hand: an Array.prototype.toJSON of the page cannot spoil it.
    const body = `["${site}","${visitor}",${sent}]`;
    // What did not arrive goes with whatever comes next; the street knows what it has heard already.
    const back = () => (queue = sent.concat(queue).slice(-50));
    queue = [];
    // Whoever does not want to be counted: nothing is sent, and nothing is left for later.
    visitor == "-" ||
      (shown
        ? fetch(new URL("e", script.src), { keepalive: true, method: "POST", body })
            .then((answer) => answer.json())
            .then((said) => (api.said = said).actions && import("./a.js"), back)
        : navigator.sendBeacon(new URL("e", script.src), body) || back());
  });

  const add = (kind, more) => {
    const event = JSON.stringify({ q: count++, u: url, p: view, k: kind, ...more });
    event[5e3] || queue.push(event); // a request that is too large would take the others along
    setTimeout(flush);
  };

  const heard = safe(({ button, type, timeStamp, target }) => {
    const here = location.href.split(hash == null ? "#" : " ")[0];
    if (shown) active += Math.min(timeStamp - since, 3e4); // who touches nothing for longer (ms) does not read
    since = timeStamp;
    shown = !document.hidden && type != "pagehide";
    // What was active so far on this page: the house counts what it did not know yet.
    if (active > told && (url != here || !shown)) add("engage", { e: (told = active), d: depth });
    // A page that is loaded ahead or in the background is a view once it is seen.
    if (shown && url != here) {
      active = told = count = depth = 0;
      view = Math.random();
      add("view", { r: url || document.referrer, u: (url = here) });
    }
    if (!shown) flush();
    if (type == "pagehide") url = 0; // so that one that comes back is a new one
    depth = Math.max(depth, (scrollY + innerHeight) / document.body.scrollHeight); // no body yet: next time
    if (!(button > 1) && /cl|su/.test(type)) {
      const named = type > "d" ? target : target.closest("[data-inkdot-event]:not(form)");
      if (named) add("goal", { n: named.dataset.inkdotEvent || "form" });
      const link = target.closest("a[href]");
      if (link.host && (/\./.test(link.pathname) || link.host != location.host))
        add("click", { l: link.href });
    }
  });

  const keep = (id) => {
    visitor = id;
    localStorage.inkdot = id;
  };
  const api = {
    track: safe((name, detail) => add("goal", { n: name, x: detail })),
    identify: safe((person) => add("identify", { w: person })),
    consent: safe((given) => {
      waiting = !given;
      setTimeout(flush);
      visitor == "-" || keep(given ? localStorage.inkdot || Math.random() : "");
    }),
    off: safe((yes) => keep(yes ? "-" : "")),
    push: safe(([name, ...rest]) => api[name](...rest)),
  };

  heard(new Event(""));
  self.inkdot?.map?.(api.push);
  self.inkdot = api;
  "pagehide click pointermove scroll auxclick visibilitychange submit keydown"
    .split(" ")
    .map((type) => addEventListener(type, heard, true)); // on their way down
  // Where there is no Navigation API, a new page of a single-page app shows with the next sign of life.
  self.navigation?.addEventListener("currententrychange", heard);

  // Last, because it fails where storage is blocked; nothing was sent yet.
  if (!waiting) visitor = localStorage.inkdot || "";
  // One link for whoever does not want to be counted in this browser: any page with #inkdot-off, and #inkdot-on.
  const [, off] = location.href.split("#inkdot-o");
  if (off) api.off(off < "n");
} catch {}
