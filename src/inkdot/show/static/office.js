// What pages do beyond being read: times in the reader's zone, keys, the live feed. Everything works without it.
"use strict";
(() => {
  const $ = (found, within = document) => within.querySelector(found);
  const $$ = (found, within = document) => [...within.querySelectorAll(found)];
  const language = document.documentElement.lang;
  const full = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
  const clock = new Intl.DateTimeFormat(language, { timeStyle: "medium" });
  const day = new Intl.DateTimeFormat(language, { dateStyle: "full", timeZone: "UTC" });

  const localize = (within) => {
    for (const time of $$("time[datetime]", within)) {
      const when = new Date(time.dateTime);
      if (isNaN(when)) continue;
      const form = "day" in time.dataset ? day : "clock" in time.dataset ? clock : full;
      time.textContent = form.format(when);
    }
  };
  localize(document);

  const menu = $(".menu");
  if (menu && matchMedia("(max-width: 820px)").matches) menu.open = false;

  for (const button of $$("[data-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => print());
  }

  // -- keys
  const areas = { h: "/", p: "/people", l: "/leads", m: "/mails", d: "/documents", s: "/sites", r: "/triggers", a: "/audiences", w: "/webhooks", t: "/team" };
  const spans = { d: "1d", w: "7d", m: "30d", y: "all" };
  let going = 0;
  let row = -1;
  const choose = (step) => {
    const rows = $$("[data-row]");
    if (!rows.length) return;
    rows[row]?.classList.remove("chosen");
    row = Math.min(rows.length - 1, Math.max(0, row + step));
    rows[row].classList.add("chosen");
    rows[row].scrollIntoView({ block: "nearest" });
    $("a[data-open], a", rows[row])?.focus({ preventScroll: true });
  };
  addEventListener("keydown", (key) => {
    if (key.ctrlKey || key.metaKey || key.altKey || key.target.closest("input, textarea, select, dialog[open]")) {
      if (key.key === "Escape" && key.target.matches?.("input, textarea")) key.target.blur();
      return;
    }
    if (Date.now() - going < 1200) {
      going = 0;
      if (areas[key.key]) location.href = areas[key.key];
      return;
    }
    switch (key.key) {
      case "?": $("#keys")?.showModal(); break;
      case "/": key.preventDefault(); $("#find")?.focus(); break;
      case "j": choose(1); break;
      case "k": choose(-1); break;
      case "g": going = Date.now(); break;
      default: {
        const span = spans[key.key] && $(`[data-span="${spans[key.key]}"]`);
        if (span) span.click();
      }
    }
  });

  // -- the live feed
  const feed = $("#feed");
  if (!feed) return;
  const pause = $("#pause");
  const away = $("#away");
  let paused = false;
  let asking = false;
  let again = false;
  let missed = 0;
  const title = document.title;

  const fold = () => {
    // Repeats of one person on one thing stand in one line.
    const seen = new Map();
    for (const line of $$(".event", feed)) {
      const key = $("p", line).textContent.replace(/\s*\([^)]*\)\s*$/, "");
      const first = seen.get(key);
      if (!first) { seen.set(key, line); continue; }
      line.hidden = true;
      const count = ($$(".event", feed).filter((other) => $("p", other).textContent.replace(/\s*\([^)]*\)\s*$/, "") === key)).length;
      let times = $(".times", first);
      if (!times) { times = document.createElement("span"); times.className = "times"; $("p", first).append(" ", times); }
      times.textContent = `(${count}×)`;
    }
  };

  const fetchNew = async () => {
    if (asking) { again = true; return; }
    asking = true;
    try {
      const newest = $(".event", feed)?.id || "";
      const answer = await fetch(`/feed?after=${encodeURIComponent(newest)}`, { headers: { "X-Fragment": "1" } });
      if (answer.ok) {
        const part = document.createElement("template");
        part.innerHTML = await answer.text();
        const lines = $$(".event", part.content).filter((line) => !document.getElementById(line.id));
        for (const line of lines) line.classList.add("fresh");
        localize(part.content);
        feed.prepend(...lines);
        for (const old of $$(".event", feed).slice(100)) old.remove();
        if (lines.length) $("#quiet")?.remove();
        fold();
        if (document.hidden) missed += lines.length;
        if (missed) document.title = `(${missed}) ${title}`;
        notify(lines);
      }
    } catch { /* the server is being started again: the next event brings all */ }
    asking = false;
    if (again) { again = false; fetchNew(); }
  };

  const notify = (lines) => {
    if (!document.hidden || !("Notification" in window) || Notification.permission !== "granted") return;
    const real = lines.find((line) => line.classList.contains("yes") || line.classList.contains("likely"));
    if (real) new Notification("Inkdot", { body: $("p", real).textContent.trim(), tag: real.id });
  };

  document.addEventListener("visibilitychange", () => {
    if (document.hidden || !missed) return;
    away.textContent = away.dataset.text.replace("{count}", missed);
    away.hidden = false;
    missed = 0;
    document.title = title;
  });

  const wish = $("#notify");
  if ("Notification" in window && Notification.permission === "default") {
    wish.hidden = false;
    wish.addEventListener("click", () => Notification.requestPermission().then(() => { wish.hidden = true; }));
  }

  pause.hidden = false;
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.textContent = paused ? pause.dataset.on : pause.dataset.off;
    if (!paused) fetchNew();
  });

  fold();
  let poll = 0;
  const source = new EventSource("/api/v1/live");
  source.onopen = () => { clearInterval(poll); poll = 0; if (!paused) fetchNew(); };
  source.onerror = () => { poll ||= setInterval(() => { if (!paused && !document.hidden) fetchNew(); }, 3000); };
  for (const kind of ["kept", "judged", "missed"]) source.addEventListener(kind, () => { if (!paused) fetchNew(); });
})();
