// In the background: dots of one's own are silent in this browser, and the webmail's pages ask the office through here, so that
// no page ever sees the key.
"use strict";

importScripts("office.js");

const WEBMAIL = ["https://mail.google.com", "https://outlook.live.com", "https://outlook.office.com", "https://outlook.office365.com"];
const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

// One rule per tracking address: whatever page asks for its dots, this browser does not. Links stay as they are.
// Gmail asks through its own proxy and names the dot behind a #; that is matched too.
function rulesFor(addresses) {
  return addresses.flatMap((address, n) => [
    {
      id: 2 * n + 1,
      action: { type: "block" },
      condition: { urlFilter: `|${address}/o/`, isUrlFilterCaseSensitive: false, resourceTypes: ["image", "other", "xmlhttprequest", "media", "sub_frame"] },
    },
    {
      id: 2 * n + 2,
      action: { type: "block" },
      condition: { regexFilter: `#${escaped(address)}/o/`, isUrlFilterCaseSensitive: false, resourceTypes: ["image"] },
    },
  ]);
}

async function apply() {
  const { addresses = [] } = await chrome.storage.local.get("addresses");
  const old = await chrome.declarativeNetRequest.getDynamicRules();
  await chrome.declarativeNetRequest.updateDynamicRules({ removeRuleIds: old.map((rule) => rule.id), addRules: rulesFor(addresses) });
}

// Into which pages the button and the ticks go: none before an office is known.
async function enter() {
  const { server, key, webmail = WEBMAIL } = await chrome.storage.local.get(["server", "key", "webmail"]);
  await chrome.scripting.unregisterContentScripts();
  if (!server || !key) return;
  // Match patterns know no ports.
  const matches = webmail.map((address) => { const url = new URL(address); return `${url.protocol}//${url.hostname}/*`; });
  await chrome.scripting.registerContentScripts([
    { id: "page", js: ["page.js"], css: ["page.css"], matches: [...new Set(matches)], runAt: "document_idle" },
  ]);
}

let turn = Promise.resolve(); // one after the other: two changes at once would each take the other's rules for old ones
function again() { turn = turn.then(apply).then(enter).catch(console.error); return turn; }

chrome.runtime.onInstalled.addListener(again);
chrome.runtime.onStartup.addListener(again);
chrome.storage.onChanged.addListener(again);

let asked = { settings: "", office: new Office() };

async function office() {
  const settings = await chrome.storage.local.get(["server", "key"]);
  const written = JSON.stringify(settings);
  if (asked.settings !== written) asked = { settings: written, office: new Office(settings) };
  return asked.office;
}

const ANSWERS = {
  // A marked page, and no dot of it is loaded while the sender still sees it.
  async mark({ html, to, subject }) {
    const copy = await (await office()).mark(html, to, subject);
    const { addresses = [] } = await chrome.storage.local.get("addresses");
    const all = [...new Set([...addresses, ...copy.dots.map((dot) => new URL(dot).origin)])];
    if (all.length !== addresses.length) await chrome.storage.local.set({ addresses: all });
    await again();
    return copy;
  },
  // The latest mails: [{ subject, sign, title }].
  async ticks() {
    const mails = await (await office()).latest();
    return mails.map((mail) => ({ subject: mail.subject, sign: SIGNS[stateOf(mail)] }));
  },
};

chrome.runtime.onMessage.addListener((asking, sender, answer) => {
  if (sender.id !== chrome.runtime.id || !Object.hasOwn(ANSWERS, asking.what)) return false;
  ANSWERS[asking.what](asking).then((said) => answer({ said }), (error) => answer({ error: error.message }));
  return true;
});
