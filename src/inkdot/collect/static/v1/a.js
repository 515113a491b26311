/*
 * What rules show on a page: a pop-up, a bar, a corner note, or something in the place of an element. The tag (t.js) fetches
 * this file only where the street's answer named something to show: inkdot.said.actions.
 *
 * Everything is drawn in a closed shadow root with a style sheet made here, so that neither a strict Content-Security-Policy
 * nor the page's own styles matter; texts are set as texts. Remembered are, without any id: how often a thing was shown, when,
 * and that it was closed; and for half an hour from which channel the visit came. What goes wrong in here stays in here.
 */
const KEY = "inkdot.shown";
const TAG = new URL("t.js", import.meta.url).href;
const TICK = 100; // ms: a thing is to show within 300 of its condition
const IDLE = 3e4; // ms without a sign of life after which nobody reads
const LATE = 3e3; // ms that this file may come after the tag
const PAUSE = 18e5; // ms after which a visit is over

const CSS = `
:host { all: initial; color-scheme: light dark; }
.box { font: 16px/1.5 system-ui, sans-serif; color: CanvasText; background: Canvas; border: 1px solid GrayText;
  box-sizing: border-box; padding: 1em 3.5em 1em 1.25em; max-width: min(28em, calc(100vw - 2em)); border-radius: .5em;
  overflow-wrap: anywhere; }
dialog { position: fixed; margin: auto; }
dialog::backdrop { background: rgb(0 0 0 / .45); }
.bar { position: fixed; z-index: 2147483647; inset: auto 0 0; max-width: none; border-width: 1px 0 0; border-radius: 0; }
.corner { position: fixed; z-index: 2147483647; right: 1em; bottom: 1em; box-shadow: 0 .25em 1.5em rgb(0 0 0 / .25); }
.slot { position: relative; max-width: none; }
h2 { font: inherit; font-weight: 700; margin: 0 0 .25em; }
p { margin: 0 0 .5em; white-space: pre-line; }
p:last-child, h2:last-child { margin: 0; }
a { color: LinkText; display: inline-block; min-height: 24px; padding: .25em 0; }
button { position: absolute; top: .25em; right: .25em; width: 44px; height: 44px; font: 24px/1 system-ui, sans-serif;
  color: inherit; background: none; border: 0; border-radius: .25em; cursor: pointer; }
:focus-visible { outline: 3px solid Highlight; outline-offset: 1px; }
@media (prefers-reduced-motion: no-preference) {
  .corner, .bar { animation: come .15s ease-out; }
  @keyframes come { from { opacity: 0; transform: translateY(.5em); } }
}
@media print { .box { display: none; } }
`;
const CLOSE = { de: "Schließen", es: "Cerrar", fr: "Fermer", it: "Chiudi", nl: "Sluiten", pt: "Fechar", pl: "Zamknij" };

const now = () => Date.now();
let fallback = {}; // where storage is blocked, what is remembered ends with the page

const recall = () => {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) || "{}");
    return kept && typeof kept == "object" && !Array.isArray(kept) ? kept : {};
  } catch {
    return fallback;
  }
};

const stored = (name) => {
  try {
    return localStorage[name] || null;
  } catch {
    return null;
  }
};

const remember = (id, change) => {
  // As own properties of an object without a prototype, whatever the ids are.
  const all = Object.assign(Object.create(null), recall());
  all[id] = { ...all[id], ...change };
  fallback = all;
  try {
    localStorage.setItem(KEY, JSON.stringify(all));
  } catch {}
};

const known = (id) => {
  const all = recall();
  const entry = Object.hasOwn(all, id) ? all[id] : 0;
  return { n: 0, t: 0, v: [], closed: false, ...(entry && typeof entry == "object" ? entry : {}) };
};

// `*` stands for anything; a pattern with no `?` is compared without the query. As act/match.py does it.
const fits = (pattern) => {
  const { origin, pathname, search } = location;
  const texts = [origin + pathname, pathname, origin + pathname + search, pathname + search];
  try {
    if (pattern.startsWith("re:")) return texts.some((text) => new RegExp(pattern.slice(3)).test(text));
    const parts = pattern.split("*").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    const test = new RegExp(`^${parts.join(".*")}$`, "is");
    return texts.some((text) => text.includes("?") == pattern.includes("?") && test.test(text));
  } catch {
    return false;
  }
};

const free = (id, show) => {
  const { n, t, closed } = known(id);
  if (closed && !show.every) return false;
  return show.every ? now() - t >= show.every : n < show.most;
};

const tell = (name, id) => {
  try {
    self.inkdot.track(name, { rule: id });
  } catch {}
};

const made = (tag, text, parent) => {
  const element = document.createElement(tag);
  element.textContent = text;
  parent.append(element);
  return element;
};

const draw = (id, show) => {
  const place = show.style == "slot" ? document.querySelector(show.slot) : document.body;
  if (!place) return false;
  const host = document.createElement("div");
  const root = host.attachShadow({ mode: "closed" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(CSS);
  root.adoptedStyleSheets = [sheet];
  const modal = show.style == "popup";
  const box = made(modal ? "dialog" : "section", "", root);
  box.className = `box ${show.style}`;
  if (!modal) {
    box.setAttribute("role", show.style == "corner" ? "status" : "region");
  }
  box.setAttribute("aria-label", show.title || show.text);
  if (show.title) made("h2", show.title, box);
  if (show.text) made("p", show.text, box);
  const before = show.style == "slot" ? [...place.childNodes] : [];
  const close = () => {
    remember(id, { closed: true });
    tell("inkdot:closed", id);
    host.remove();
    if (before.length) place.replaceChildren(...before);
  };
  if (show.link) {
    const target = new URL(show.link, location.href);
    if (/^(https?|mailto):$/.test(target.protocol)) {
      const link = made("a", show.label || target.host || show.link, box);
      link.href = target.href;
      link.rel = "noopener";
      link.addEventListener("click", () => {
        remember(id, { closed: true });
        tell("inkdot:followed", id);
      });
    }
  }
  const button = made("button", "×", box);
  button.type = "button";
  button.setAttribute("aria-label", CLOSE[(document.documentElement.lang || navigator.language).slice(0, 2)] || "Close");
  button.addEventListener("click", close);
  if (show.style == "slot") place.replaceChildren(host);
  else place.append(host);
  if (modal) {
    box.addEventListener("cancel", (event) => {
      event.preventDefault();
      close();
    });
    box.showModal();
  } else {
    box.addEventListener("keydown", (event) => event.key == "Escape" && close());
  }
  const { n } = known(id);
  remember(id, { n: n + 1, t: now() });
  tell("inkdot:shown", id);
  return box;
};

const open = new Map(); // what is drawn, by rule and place in it; one of a style at a time
let page, active, depth, leaving, alive, last, told;
let rules = [];
let may = new Set(); // the rules that wanted to be asked for, and were granted on this page

const seen = ({ id }) => [].concat(known(`${id}.views`).v);

const arrive = () => {
  const first = !page;
  page = location.href;
  depth = 0;
  // Seconds count from the tag on, which was there a moment before this file.
  const tag = first && !document.hidden && performance.getEntriesByName(TAG)[0];
  active = tag ? Math.min(performance.now() - tag.responseEnd, LATE) : 0;
  leaving = false;
  may = new Set();
  for (const action of actions().filter(wanted))
    if (action.count > 1) remember(`${action.id}.views`, { v: [...seen(action), now()].slice(-action.count) });
  ask(first).catch(() => {});
};

// How the visit began and who it is, only the house knows. Without an answer nothing that depends on it is shown.
const ask = async (first) => {
  const asking = actions().filter((action) => action.ask);
  const fitting = asking.filter(wanted);
  // The first page says how the visit began, though it may be another that shows something.
  if (!(first ? asking : fitting).length) return;
  const here = page;
  const { c, t } = known("came");
  const body = JSON.stringify({
    key: document.querySelector("script[data-site]").dataset.site,
    rules: fitting.slice(0, 1e3).map(({ id }) => id),
    url: here,
    referrer: first ? document.referrer : "",
    visitor: stored("inkdot"),
    came: c && now() - t < PAUSE ? c : null,
  });
  const answer = await fetch(new URL("n/may", import.meta.url), { method: "POST", body });
  const said = await answer.json();
  remember("came", { c: said.came, t: now() });
  if (here == page) may = new Set(said.may);
};

// Answers to later events may name nothing; what was named for this page stays.
const actions = () => {
  const found = self.inkdot?.said?.actions;
  if (Array.isArray(found) && found != told) {
    told = found;
    const sound = found.filter((a) => a && typeof a.id == "string" && Array.isArray(a.show));
    rules = [...new Map(sound.map((a) => [a.id, a])).values()];
  }
  return rules;
};

const wanted = ({ url }) => !url?.length || url.some(fits);

const recent = (action) => seen(action).filter((time) => !action.within || now() - time < action.within);

const due = (action) =>
  wanted(action) &&
  (!action.ask || may.has(action.id)) &&
  active >= (action.seconds || 0) * 1e3 &&
  depth >= (action.scroll || 0) &&
  (leaving || !action.leaving) &&
  (!(action.count > 1) || recent(action).length >= action.count);

// A corner note stands on the bar, not behind it.
const stack = () => {
  const there = [...open.values()].filter(({ box }) => box.isConnected);
  const bar = there.find(({ style }) => style == "bar")?.box.offsetHeight || 0;
  for (const { box, style } of there) if (style == "corner") box.style.bottom = `calc(1em + ${bar}px)`;
};

const tick = () => {
  try {
    const time = performance.now();
    if (!document.hidden && time - alive < IDLE) active += Math.min(time - last, 10 * TICK);
    last = time;
    if (page != location.href) arrive();
    const { scrollHeight } = document.documentElement;
    depth = Math.max(depth, (100 * (scrollY + innerHeight)) / (scrollHeight || 1));
    if (document.hidden) return;
    for (const action of actions()) {
      if (!due(action)) continue;
      action.show.forEach((show, place) => {
        const id = `${action.id}.${place}`;
        const busy = [...open].some(([key, { box, style }]) => box.isConnected && (key == id || style == show.style));
        if (busy || !free(id, show)) return;
        const box = draw(id, show);
        if (box) open.set(id, { box, style: show.style });
      });
    }
    stack();
  } catch {}
};

const living = () => (alive = performance.now());
alive = last = performance.now();
for (const type of ["scroll", "keydown", "pointermove", "pointerdown", "visibilitychange"])
  addEventListener(type, living, { capture: true, passive: true });
document.addEventListener("mouseout", ({ relatedTarget, clientY }) => {
  if (!relatedTarget && clientY <= 0) leaving = true;
});
tick();
setInterval(tick, TICK);
