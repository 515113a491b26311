// In the webmail's page (beta: tried on stub pages, on no live webmail): a switch beside Send, and ticks beside what was sent.
// It knows the page only by roles and labels that Gmail and Outlook share, and does nothing where it does not find them.
"use strict";

const WRITING = '[contenteditable="true"][role="textbox"], [contenteditable="true"][aria-multiline="true"]';
// Every language's label of the button names the key: Ctrl+Enter, Strg-Eingabe, ...; the English word is tried as well.
const SEND = ["Enter", "Eingabe", "Entrée", "Invio", "Intro", "Send"].flatMap((word) =>
  ["aria-label", "title", "data-tooltip"].map((name) => `:is(button, [role="button"])[${name}*="${word}"]`)).join(",");
const ROWS = '[role="row"], [role="option"], [role="listitem"]';
const PEOPLE = ["email", "data-hovercard-id", "title", "aria-label"];
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
    const on = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(on));
    button.textContent = on ? "Tracked" : "Not tracked";
  });
  found.send.after(button);
  frames.set(found.send, { ...found, field, button, done: false });
}

function recipients(frame) {
  const found = new Set();
  for (const named of frame.querySelectorAll(PEOPLE.map((name) => `[${name}*="@"]`).join(","))) {
    for (const name of PEOPLE) {
      const address = named.getAttribute(name)?.match(/[^\s<>,;:"()]+@[^\s<>,;:"()]+\.[^\s<>,;:"()]+/)?.[0];
      if (address) found.add(address.toLowerCase());
    }
  }
  return [...found];
}

async function marked(window) {
  const to = recipients(window.at);
  if (to.length !== 1) throw new Error("Only mails to one person can be tracked from here.");
  const subject = window.at.querySelector('input[name="subjectbox"], input[aria-label], input[placeholder]')?.value ?? "";
  const copy = await ask("mark", { html: `<html><body>${window.field.innerHTML}</body></html>`, to: to[0], subject });
  if (copy.leftAlone) throw new Error(copy.leftAlone);
  const page = new DOMParser().parseFromString(copy.html, "text/html");
  window.field.replaceChildren(...[...page.body.childNodes].map((node) => document.importNode(node, true)));
  window.field.dispatchEvent(new InputEvent("input", { bubbles: true }));
}

// Send waits for the marks; where there are none the mail leaves as it is, and the switch says why.
async function sendMarked(window) {
  window.done = true;
  try {
    await marked(window);
  } catch (error) {
    window.button.textContent = `Not tracked: ${error.message}`;
  }
  window.send.click();
}

function mayWait(event, send) {
  const window = send && frames.get(send);
  if (!window || window.done || window.button.getAttribute("aria-pressed") !== "true") return;
  event.preventDefault();
  event.stopImmediatePropagation();
  sendMarked(window);
}

document.addEventListener("click", (event) => mayWait(event, event.target.closest?.(SEND)), true);
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  const field = event.target.closest?.(WRITING);
  if (field) mayWait(event, frameOf(field)?.send);
}, true);

// -- ticks in the list of what was sent

let mails = [];

function addTicks() {
  for (const row of document.querySelectorAll(ROWS)) {
    if (row.querySelector(ROWS)) continue;
    const mail = mails.find(({ subject }) => subject && row.textContent.includes(subject));
    const shown = row.querySelector(".inkdot-tick");
    if (!mail) { shown?.remove(); continue; }
    if (shown?.title === mail.sign) continue;
    const sign = shown ?? document.createElement("span");
    sign.className = "inkdot-tick";
    sign.title = mail.sign;
    sign.setAttribute("role", "img");
    sign.setAttribute("aria-label", mail.sign);
    sign.dataset.sign = mail.sign.split(" ")[0];
    if (!shown) (row.querySelector('td:last-child, [role="gridcell"]:last-child') ?? row).append(sign);
  }
}

async function look() {
  document.querySelectorAll(WRITING).forEach(addSwitch);
  try {
    mails = await ask("ticks");
  } catch {
    return; // the options page says what is wrong
  }
  addTicks();
}

look();
setInterval(() => { if (document.visibilityState === "visible") look(); }, EVERY_MS);
