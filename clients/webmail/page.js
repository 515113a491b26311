// In the webmail's page (beta: tried on stub pages, on no live webmail): a switch beside Send, and ticks beside what was sent.
// It knows the page only by roles and labels that Gmail and Outlook share, and does nothing where it does not find them.
"use strict";

const WRITING = '[contenteditable="true"][role="textbox"], [contenteditable="true"][aria-multiline="true"]';
// Every language's label of the button names the key: Ctrl+Enter, Strg-Eingabe, ...; the English word is tried as well.
const SEND = ["Enter", "Eingabe", "Entrée", "Invio", "Intro", "Send"].flatMap((word) =>
  ["aria-label", "title", "data-tooltip"].map((name) => `:is(button, [role="button"])[${name}*="${word}"]`)).join(",");
const ROWS = '[role="row"], [role="option"], [role="listitem"]';
const PEOPLE = ["email", "data-hovercard-id", "title", "aria-label"];
const ADDRESS = /[^\s<>,;:"'()]+@[^\s<>,;:"'()]+\.[^\s<>,;:"'()]+/g;
// The first that is there: Gmail's; Outlook's, which takes 255 characters; whatever is called so.
const SUBJECT = ['input[name="subjectbox"]', 'input[maxlength="255"]', ...["ubject", "etreff", "bjet", "ggetto", "sunto"].flatMap((word) =>
  [`input[aria-label*="${word}"]`, `input[placeholder*="${word}"]`])];
const EVERY_MS = 2_000;

const ask = async (what, more = {}) => {
  const { said, error } = await chrome.runtime.sendMessage({ what, ...more });
  if (error) throw new Error(error);
  return said;
};

// -- tracked send

const frames = new WeakMap(); // a Send button -> its window, field and switch

function frameOf(field) {
  for (let at = field.parentElement; at; at = at.parentElement) {
    const send = at.querySelector(SEND);
    if (send) return { at, send };
  }
  return null;
}

function isOn(button) { return button.getAttribute("aria-pressed") === "true"; }

function addSwitch(field) {
  const found = frameOf(field);
  if (!found || frames.has(found.send)) return;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "inkdot-switch";
  button.setAttribute("aria-pressed", "true");
  button.textContent = "Tracked";
  button.addEventListener("click", (event) => {
    event.stopPropagation();
    const on = !isOn(button);
    button.setAttribute("aria-pressed", String(on));
    button.textContent = on ? "Tracked" : "Not tracked";
  });
  found.send.after(button);
  frames.set(found.send, { ...found, field, button, marking: false, leaving: false });
}

function addressesIn(text) { return (text?.match(ADDRESS) ?? []).map((address) => address.toLowerCase()); }

// Whom a part of the page names by labels and the like, the text that is being written left out.
function named(part, field = null) {
  const found = new Set();
  for (const element of part.querySelectorAll(PEOPLE.map((name) => `[${name}*="@"]`).join(","))) {
    if (!field?.contains(element)) PEOPLE.flatMap((name) => addressesIn(element.getAttribute(name))).forEach((a) => found.add(a));
  }
  return found;
}

// Whose page this is: as the options, the page's title (Gmail) and the form say.
async function own(frame) {
  return new Set([...await ask("mine"), ...addressesIn(document.title), ...addressesIn(frame.querySelector('input[name="from"]')?.value)]);
}

async function recipient(window) {
  const mine = await own(window.at);
  const to = [...named(window.at, window.field)].filter((address) => !mine.has(address));
  if (to.length === 1) return to[0];
  throw new Error(to.length ? `Only mails to one person can be tracked from here, and this page names ${to.join(" and ")}.` +
    " Is one of them yours? The options take it." : "The page does not show to whom this goes.");
}

async function marked(window) {
  const to = await recipient(window);
  const subject = SUBJECT.map((where) => window.at.querySelector(where)).find(Boolean)?.value ?? "";
  const html = window.field.innerHTML;
  const copy = await ask("mark", { html: `<html><body>${html}</body></html>`, to, subject });
  if (copy.leftAlone) throw new Error(copy.leftAlone);
  if (await recipient(window) !== to || window.field.innerHTML !== html || !isOn(window.button)) {
    throw new Error("You changed it while its marks were made.");
  }
  const page = new DOMParser().parseFromString(copy.html, "text/html");
  window.field.replaceChildren(...[...page.body.childNodes].map((node) => document.importNode(node, true)));
  window.field.dispatchEvent(new InputEvent("input", { bubbles: true }));
}

// Send waits for the marks; where there are none the mail leaves as it is, and the switch says why.
// If the page does not send it after all, the next press marks it anew: its recipient may be another by then.
async function sendMarked(window) {
  window.marking = true;
  try {
    await marked(window);
  } catch (error) {
    window.button.textContent = `Not tracked: ${error.message}`;
  }
  window.leaving = true;
  window.send.click();
  window.marking = window.leaving = false;
}

function mayWait(event, send) {
  const window = send && frames.get(send);
  if (!window || window.leaving || !isOn(window.button)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  if (!window.marking) sendMarked(window);
}

document.addEventListener("click", (event) => mayWait(event, event.target.closest?.(SEND)), true);
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  const field = event.target.closest?.(WRITING);
  if (field) mayWait(event, frameOf(field)?.send);
}, true);

// -- ticks in the list of what was sent

let mails = [];
let looking = false;

function plain(text) { return (text ?? "").replace(/\s+/g, " ").trim(); }

// What the row may be about: mails whose whole subject stands in it, and that went to somebody it names, if it names anybody.
async function fitting(row) {
  const texts = new Set([row, ...row.querySelectorAll("*")].map((element) => plain(element.textContent)));
  const found = mails.filter(({ subject }) => plain(subject) && texts.has(plain(subject)));
  const people = found.length ? named(row) : new Set();
  if (!people.size) return found;
  const to = await Promise.all(found.map((mail) => ask("people", mail)));
  return found.filter((_, n) => !to[n].length || to[n].some((address) => people.has(address)));
}

// A tick only where all mails that fit say the same: the page does not tell which of them it is.
async function signOf(row) {
  const signs = new Set((await fitting(row)).map(({ sign }) => sign));
  return signs.size === 1 ? [...signs][0] : null;
}

async function addTicks() {
  for (const row of document.querySelectorAll(ROWS)) {
    if (row.querySelector(ROWS)) continue;
    const said = await signOf(row);
    const shown = row.querySelector(".inkdot-tick");
    if (!said) { shown?.remove(); continue; }
    if (shown?.title === said) continue;
    const sign = shown ?? document.createElement("span");
    sign.className = "inkdot-tick";
    sign.title = said;
    sign.setAttribute("role", "img");
    sign.setAttribute("aria-label", said);
    sign.dataset.sign = said.split(" ")[0];
    if (!shown) (row.querySelector('td:last-child, [role="gridcell"]:last-child') ?? row).append(sign);
  }
}

async function look() {
  document.querySelectorAll(WRITING).forEach(addSwitch);
  if (looking) return;
  looking = true;
  try {
    mails = await ask("ticks");
    await addTicks();
  } catch { // the options page says what is wrong
  } finally {
    looking = false;
  }
}

look();
setInterval(() => { if (document.visibilityState === "visible") look(); }, EVERY_MS);
