// One button in the compose window: may this mail be marked? Behind a mail door the answer travels as a header that the door
// takes out again. Without one, where the options say so, the mail is marked here, by the office's API, before it is sent.
"use strict";

const LEFT = "left:"; // before a Message-ID of which the office does not know yet; it is told as soon as it can be asked
const HEADER = { name: "X-Inkdot", value: "off" };
const off = new Set();
const waiting = new Map(); // tab -> the number under which its mail was marked

async function show(tabId) {
  const title = off.has(tabId) ? "Not marked" : "Marked";
  await browser.composeAction.setTitle({ tabId, title });
  await browser.composeAction.setLabel({ tabId, label: title });
  await browser.composeAction.setIcon({ tabId, path: off.has(tabId) ? "struck.svg" : "dot.svg" });
}

function tell(message) {
  return browser.notifications.create({ type: "basic", iconUrl: "dot.svg", title: "Inkdot", message });
}

// The page with marks in it, or null with the reason told: a mail is sent without marks rather than not at all.
async function marked(details, office) {
  const to = [details.to, details.cc, details.bcc].flat().filter(Boolean);
  if (details.isPlainText) return tell("The mail is plain text, so it was sent without marks."), null;
  if (to.length !== 1 || typeof to[0] !== "string" || !addressOf(to[0])) {
    return tell("Mails to several people get their own marks only from the mail door; this one was sent without."), null;
  }
  try {
    const copy = await office.mark(details.body, addressOf(to[0]), details.subject);
    if (copy.leftAlone) tell(`Sent without marks. ${copy.leftAlone}`);
    return copy;
  } catch (error) {
    return tell(`Sent without marks. ${error.message}`), null;
  }
}

async function tellWhatLeft() {
  const kept = await browser.storage.local.get(null);
  const office = new Office(kept);
  if (!office.known) return;
  for (const key of Object.keys(kept).filter((name) => name.startsWith(LEFT))) {
    if (await office.left(kept[key], key.slice(LEFT.length))) await browser.storage.local.remove(key);
  }
}

browser.composeAction.onClicked.addListener(async (tab) => {
  if (!off.delete(tab.id)) off.add(tab.id);
  await show(tab.id);
});

browser.compose.onBeforeSend.addListener(async (tab, details) => {
  const others = (details.customHeaders ?? []).filter((h) => h.name.toLowerCase() !== HEADER.name.toLowerCase());
  const settings = await browser.storage.local.get(["server", "key", "here"]);
  const office = new Office(settings);
  waiting.delete(tab.id);
  if (!settings.here || !office.known) return { details: { customHeaders: off.has(tab.id) ? [...others, HEADER] : others } };
  const copy = off.has(tab.id) ? null : await marked(details, office);
  if (!copy) return {};
  waiting.set(tab.id, copy.message);
  await silence(copy.dots);
  return { details: { body: copy.html, customHeaders: others } };
});

browser.compose.onAfterSend.addListener(async (tab, sent) => {
  const message = waiting.get(tab.id);
  waiting.delete(tab.id);
  if (!message || !sent.headerMessageId) return;
  await browser.storage.local.set({ [LEFT + sent.headerMessageId]: message });
  await tellWhatLeft();
});

browser.tabs.onRemoved.addListener((tabId) => { off.delete(tabId); waiting.delete(tabId); });
