// One rule per tracking address: whatever page asks for its dots, this browser does not. Links stay as they are.
// Gmail asks through its own proxy and names the dot behind a #; that is matched too.
"use strict";

const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

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

chrome.runtime.onInstalled.addListener(apply);
chrome.runtime.onStartup.addListener(apply);
chrome.storage.onChanged.addListener(apply);
