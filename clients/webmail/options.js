"use strict";

const field = document.querySelector("textarea");
const said = document.querySelector("output");

chrome.storage.local.get("addresses").then(({ addresses = [] }) => { field.value = addresses.join("\n"); });

// Only scheme, host and port: the paths of dots are the same everywhere.
function origins(text) {
  return text.split(/\s+/).filter(Boolean).map((line) => {
    const url = new URL(line);
    if (!/^https?:$/.test(url.protocol)) throw new TypeError(line);
    return url.origin;
  });
}

document.querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await chrome.storage.local.set({ addresses: [...new Set(origins(field.value))] });
    said.textContent = "Saved.";
  } catch {
    said.textContent = "One of these is no web address; write it like https://t.example.com.";
  }
});
