// In the background: dots of one's own are silent in this browser, and the webmail's pages ask the office through here, so that
// no page ever sees the key.
"use strict";

importScripts("office.js");

const WEBMAIL = ["https://mail.google.com", "https://outlook.live.com", "https://outlook.office.com", "https://outlook.office365.com"];
const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

// Where dots lie: behind /o/, unless the address says it.
const dotsOf = (address) => (new URL(address).pathname === "/" ? `${new URL(address).origin}/o/` : address);

// One rule per tracking address: whatever page asks for its dots, this browser does not. Links stay as they are.
// Gmail asks through its own proxy and names the dot behind a #; that is matched too.
function rulesFor(addresses) {
  return addresses.flatMap((address, n) => [
    {
      id: 2 * n + 1,
      action: { type: "block" },
      condition: { urlFilter: `|${dotsOf(address)}`, isUrlFilterCaseSensitive: false, resourceTypes: ["image", "other", "xmlhttprequest", "media", "sub_frame"] },
    },
    {
      id: 2 * n + 2,
      action: { type: "block" },
      condition: { regexFilter: `#${escaped(dotsOf(address))}`, isUrlFilterCaseSensitive: false, resourceTypes: ["image"] },
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
chrome.storage.onChanged.addListener((changed) => {
  if (["addresses", "server", "key", "webmail"].some((name) => name in changed)) again();
});

const FRESH_MS = 20_000;
const MOST_KNOWN = 500;
let latest = { settings: "", at: 0, mails: [] };

async function office() { return new Office(await chrome.storage.local.get(["server", "key"])); }

// Who got the mails that are spoken of, the newest last: { number: [address] }.
async function remember(message, to) {
  const { people = {} } = await chrome.storage.local.get("people");
  delete people[message];
  const kept = Object.entries({ ...people, [message]: to }).slice(-MOST_KNOWN);
  await chrome.storage.local.set({ people: Object.fromEntries(kept) });
}

const ANSWERS = {
  // A marked page, and no dot of it is loaded while the sender still sees it.
  async mark({ html, to, subject }) {
    const copy = await (await office()).mark(html, to, subject);
    const { addresses = [] } = await chrome.storage.local.get("addresses");
    await remember(copy.message, [to]);
    const all = [...new Set([...addresses, ...copy.dots.map((dot) => new URL(".", dot).href)])];
    if (all.length !== addresses.length) await chrome.storage.local.set({ addresses: all });
    await again();
    return copy;
  },
  // The latest mails, asked for at most every 20 seconds: [{ message, subject, sign }].
  async ticks() {
    const asked = await office();
    const settings = asked.base + asked.key;
    if (latest.settings !== settings || Date.now() - latest.at > FRESH_MS) {
      const { data } = await asked.ask("/messages?since=90d&limit=100");
      latest = { settings, at: Date.now(), mails: data };
    }
    return latest.mails.map((mail) => ({ message: mail.message, subject: mail.subject, sign: SIGNS[stateOf(mail)] }));
  },
  // Who got a mail: known of those marked here, else asked once.
  async people({ message }) {
    const { people = {} } = await chrome.storage.local.get("people");
    if (people[message]) return people[message];
    const kept = await (await office()).ask(`/messages/${message}`).catch((error) => {
      if (error.status === 404) return { recipients: [] }; // of people who may not be named
      throw error;
    });
    await remember(message, kept.recipients);
    return kept.recipients;
  },
  // The sender's own addresses, as the options say.
  async mine() { return (await chrome.storage.local.get("mine")).mine ?? []; },
};

chrome.runtime.onMessage.addListener((asking, sender, answer) => {
  if (sender.id !== chrome.runtime.id || !Object.hasOwn(ANSWERS, asking.what)) return false;
  ANSWERS[asking.what](asking).then((said) => answer({ said }), (error) => answer({ error: error.message }));
  return true;
});
