"use strict";

const WEBMAIL = ["https://mail.google.com", "https://outlook.live.com", "https://outlook.office.com", "https://outlook.office365.com"];
const form = document.querySelector("form");
const said = document.querySelector("output");

chrome.storage.local.get(null).then(({ addresses = [], server = "", key = "", webmail = WEBMAIL, mine = [] }) => {
  form.addresses.value = addresses.join("\n");
  form.server.value = server;
  form.key.value = key;
  form.webmail.value = webmail.join("\n");
  form.mine.value = mine.join("\n");
});

// Only scheme, host and port; with `paths` the folder, too, where one stands there.
function origins(text, { paths = false } = {}) {
  return [...new Set(text.split(/\s+/).filter(Boolean).map((line) => {
    const url = new URL(line);
    if (!/^https?:$/.test(url.protocol)) throw new TypeError(line);
    return paths && url.pathname !== "/" ? `${url.origin}${url.pathname.replace(/\/*$/, "/")}` : url.origin;
  }))];
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  let settings;
  try {
    const [server = ""] = origins(form.server.value);
    settings = { addresses: origins(form.addresses.value, { paths: true }), server, key: form.key.value.trim(), webmail: origins(form.webmail.value) };
    settings.mine = form.mine.value.toLowerCase().split(/[\s,;]+/).filter(Boolean);
  } catch {
    said.textContent = "One of these is no web address; write it like https://t.example.com.";
    return;
  }
  await chrome.storage.local.set(settings);
  said.textContent = "Saved.";
  if (!settings.server || !settings.key) return;
  try {
    await new Office(settings).ask("/me");
  } catch (error) {
    said.textContent = `Saved, but the office cannot be asked: ${error.message}`;
  }
});
