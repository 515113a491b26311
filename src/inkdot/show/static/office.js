// What pages do beyond being read: times in the reader's zone, keys, the live feed. Everything works without it.
"use strict";
(() => {
  const $ = (found, within = document) => within.querySelector(found);
  const $$ = (found, within = document) => [...within.querySelectorAll(found)];
  const page = document.documentElement.lang;
  const language = navigator.languages.find((own) => own.split("-")[0] === page) ?? page; // 19:56 for who reads English in London
  const full = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
  const near = new Intl.DateTimeFormat(language, { month: "short", day: "numeric", hour: "numeric", minute: "2-digit" });
  const year = new Date().getFullYear();
  const clock = new Intl.DateTimeFormat(language, { timeStyle: "medium" });
  const day = new Intl.DateTimeFormat(language, { dateStyle: "full", timeZone: "UTC" });
  const countries = new Intl.DisplayNames(language, { type: "region", fallback: "code" });
  const safe = document.documentElement.dataset.cookies ?? ""; // over https cookies have names that only this host may set
  const keep = (name, value) => { document.cookie = `${safe}${name}=${encodeURIComponent(value)}; path=/; max-age=31536000; samesite=lax${safe && "; secure"}`; };
  keep("zone", Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC");

  const localize = (within) => {
    for (const time of $$("time[datetime]", within)) {
      const when = new Date(time.dateTime);
      if (isNaN(when)) continue;
      const form = "day" in time.dataset ? day : "clock" in time.dataset ? clock : when.getFullYear() === year ? near : full;
      time.textContent = form.format(when);
    }
    for (const place of $$("[data-country]", within)) {
      try { place.textContent = countries.of(place.dataset.country); } catch { /* no code of a country */ }
    }
  };
  for (const line of $$("#feed > *")) line.dataset.was = line.outerHTML; // as the server told it
  localize(document);

  const menu = $(".menu"), narrow = matchMedia("(max-width: 820px)");
  const fold = () => { menu.open = !narrow.matches; }; // a wide page has no other way to it
  if (menu) { fold(); narrow.addEventListener("change", fold); }

  for (const button of $$("[data-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => print());
  }

  for (const form of $$("[data-upload]")) {
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const [file, trouble, button] = [form.file.files[0], $(".trouble", form), $("button", form)];
      button.disabled = true;
      const to = `${form.dataset.upload}?name=${encodeURIComponent(file.name)}`;
      const headers = { "X-CSRF-Token": form.csrf.value, "Content-Type": "application/octet-stream" };
      const answer = await fetch(to, { method: form.dataset.method, headers, body: file }).catch(() => null);
      const told = answer ? await answer.json().catch(() => ({})) : {};
      if (answer?.ok) { location.href = `/documents/${told.document}`; return; }
      trouble.textContent = told.detail || form.dataset.failed || "";
      trouble.hidden = false;
      button.disabled = false;
    });
  }

  // -- keys
  const areas = { h: "/", p: "/people", l: "/leads", m: "/mails", d: "/documents", s: "/sites", r: "/triggers", a: "/audiences", w: "/webhooks", t: "/team", c: "/campaigns" };
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
      if (key.key === "Escape" && key.target.matches?.("input, textarea, select")) key.target.blur();
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
      case "x": $("[data-compare]")?.click(); break;
      case "Escape": $(".crumbs a")?.click(); break;
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
  const SPACING = 500; // milliseconds from one look to the next, however much happens
  let paused = false;
  let asking = false;
  let again = false;
  let missed = 0;
  let leaving = false; // by a form: whoever signs out is on his way to the door, and loading again would stop him there
  const title = document.title;

  // The server groups what belongs together; lines that did not change stay, so that a screen reader tells only news.
  const renew = (part) => {
    const before = new Map([...feed.children].map((line) => [line.id, line]));
    const lines = [...part.children];
    const fresh = before.size ? lines.filter((line) => !before.has(line.id)) : lines;
    feed.replaceChildren(...lines.map((line) => {
      const old = before.get(line.id);
      if (old && old.dataset.was === line.outerHTML) return old;
      line.dataset.was = line.outerHTML;
      if (!old) line.classList.add("fresh");
      if (old && $("details[open]", old)) $("details", line)?.setAttribute("open", "");
      localize(line);
      return line;
    }));
    if (lines.length) $("#quiet")?.remove();
    return fresh;
  };

  const look = async () => {
    if (asking) { again = true; return; }
    asking = true;
    again = false;
    try {
      const answer = await fetch("/feed", { redirect: "manual" });
      if (answer.type === "opaqueredirect") { // signed out meanwhile: to the door, not the door into the feed
        if (!leaving) location.reload();
        return;
      }
      if (answer.ok) {
        const part = document.createElement("template");
        part.innerHTML = await answer.text();
        const fresh = renew(part.content);
        if (document.hidden) missed += fresh.length;
        if (missed) document.title = `(${missed}) ${title}`;
        notify(fresh);
      }
    } catch { /* the server is being started again: the next event brings all */ }
    setTimeout(() => { asking = false; if (again && !paused) look(); }, SPACING);
  };

  const notify = (lines) => {
    if (!document.hidden || !("Notification" in window) || Notification.permission !== "granted") return;
    const real = lines.find((line) => line.classList.contains("yes") || line.classList.contains("likely"));
    if (real) new Notification("Inkdot", { body: $("p", real).textContent.trim(), tag: real.id });
  };

  document.addEventListener("submit", (event) => { leaving = !event.defaultPrevented; });
  const leave = () => keep("seen", new Date().toISOString());
  addEventListener("pagehide", leave);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) { leave(); return; }
    if (!missed) return;
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

  let waiting = 0;
  const news = () => {
    if (!paused) { look(); return; }
    waiting += 1;
    pause.textContent = `${pause.dataset.on} (${waiting})`;
  };
  pause.hidden = false;
  pause.addEventListener("click", () => {
    paused = !paused;
    waiting = 0;
    pause.textContent = paused ? pause.dataset.on : pause.dataset.off;
    if (!paused) look();
  });

  let poll = 0;
  const source = new EventSource("/api/v1/live");
  source.onopen = () => { clearInterval(poll); poll = 0; if (!paused) look(); };
  source.onerror = () => { poll ||= setInterval(() => { if (!paused && !document.hidden) look(); }, 3000); };
  for (const kind of ["kept", "judged", "missed"]) source.addEventListener(kind, news);
})();
