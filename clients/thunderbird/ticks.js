// What became of a sent mail, beside it in the message view; and our own dots stay silent in the sender's own program.
"use strict";

const turns = new Map(); // tab -> who asks for what it shows now: an answer about the mail before comes too late

async function tick(tab, message) {
  const turn = Symbol("turn");
  turns.set(tab.id, turn);
  const office = new Office(await browser.storage.local.get(["server", "key"]));
  let label = "Inkdot";
  let title = "Inkdot knows nothing of this mail.";
  if (office.known && message) {
    try {
      await tellWhatLeft();
      const report = await office.found(message.headerMessageId);
      if (report) {
        label = SIGNS[stateOf(report)];
        title = `${label}; ${report.opened_between.join("-")} of ${report.recipients} opened it, ${report.clicked} clicked.`;
        if (report.bounced) title += ` ${report.bounced} could not be reached.`;
      }
    } catch (error) {
      title = `Inkdot: ${error.message}`;
    }
  }
  if (turns.get(tab.id) !== turn) return;
  await Promise.all([
    browser.messageDisplayAction.setLabel({ tabId: tab.id, label }), browser.messageDisplayAction.setTitle({ tabId: tab.id, title }),
  ]);
}

browser.tabs.onRemoved.addListener((tabId) => turns.delete(tabId));

browser.messageDisplay.onMessageDisplayed.addListener(tick);
browser.messageDisplayAction.onClicked.addListener(async (tab) => {
  const [message] = await browser.messageDisplay.getDisplayedMessages(tab.id).then((found) => found.messages ?? found);
  await tick(tab, message);
});

// -- the sender's own copy in Sent has the dots where this add-on put them in; whoever opens it here is not the reader

let silent = new Set();

// Requests of the message view and the editor are hidden from webRequest; a proxy that nobody is keeps them from leaving.
function nowhere() { return { type: "socks", host: "127.0.0.1", port: 9, proxyDNS: true }; }

function listen() {
  browser.proxy.onRequest.removeListener(nowhere);
  if (silent.size) browser.proxy.onRequest.addListener(nowhere, { urls: [...silent] });
}

// All dots beside this one. Match patterns know no ports: what is one host's is silenced at all of them.
function pattern(dot) {
  const { protocol, hostname, pathname } = new URL(dot);
  return `${protocol}//${hostname}${pathname.replace(/[^/]*$/, "")}*`;
}

async function silence(dots) {
  const before = silent.size;
  for (const dot of dots) silent.add(pattern(dot));
  if (silent.size > before) {
    listen();
    await browser.storage.local.set({ silent: [...silent] });
  }
  await browser.proxy.settings.get({}).catch(() => {}); // whatever is said: it comes from the part that listens, behind the listener
}

browser.storage.local.get("silent").then((kept) => { silent = new Set([...silent, ...(kept.silent ?? [])]); listen(); });
