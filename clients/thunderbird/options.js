"use strict";

const form = document.querySelector("form");
const said = document.querySelector("output");

browser.storage.local.get(["server", "key", "here"]).then(({ server = "", key = "", here = false }) => {
  form.server.value = server;
  form.key.value = key;
  form.here.checked = here;
});

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const settings = { server: form.server.value.trim().replace(/\/+$/, ""), key: form.key.value.trim(), here: form.here.checked };
  await browser.storage.local.set(settings);
  try {
    await new Office(settings).ask("/me");
    said.textContent = "Saved; the office answers.";
  } catch (error) {
    said.textContent = `Saved, but the office cannot be asked: ${error.message}`;
  }
});
