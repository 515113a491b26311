// One button in the compose window: may the mail door mark this mail? The answer travels as a header that the mail door
// takes out again. Nothing is sent anywhere by this add-on, and no text of a mail is read.
"use strict";

const HEADER = { name: "X-Inkdot", value: "off" };
const off = new Set();

async function show(tabId) {
  const title = off.has(tabId) ? "Not marked" : "Marked";
  await browser.composeAction.setTitle({ tabId, title });
  await browser.composeAction.setLabel({ tabId, label: title });
  await browser.composeAction.setIcon({ tabId, path: off.has(tabId) ? "struck.svg" : "dot.svg" });
}

browser.composeAction.onClicked.addListener(async (tab) => {
  if (!off.delete(tab.id)) off.add(tab.id);
  await show(tab.id);
});

browser.compose.onBeforeSend.addListener(async (tab, details) => {
  const others = (details.customHeaders ?? []).filter((h) => h.name.toLowerCase() !== HEADER.name.toLowerCase());
  return { details: { customHeaders: off.has(tab.id) ? [...others, HEADER] : others } };
});

browser.tabs.onRemoved.addListener((tabId) => off.delete(tabId));
