// Passkeys: asks the office for a question, the authenticator for its answer, and sends that as a form.
"use strict";
(() => {
  const named = /[a-z]/i.test(location.hostname) && !location.hostname.includes(":");
  const able = isSecureContext && named && "PublicKeyCredential" in window;
  const bytes = (word) => Uint8Array.from(atob(word.replace(/-/g, "+").replace(/_/g, "/")), (sign) => sign.charCodeAt(0));
  const word = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const answers = {
    async make(asked) {
      const user = { ...asked.user, id: bytes(asked.user.id) };
      const excludeCredentials = asked.excludeCredentials.map((key) => ({ ...key, id: bytes(key.id) }));
      const made = await navigator.credentials.create({ publicKey: { ...asked, challenge: bytes(asked.challenge), user, excludeCredentials } });
      return { client: made.response.clientDataJSON, attestation: made.response.attestationObject };
    },
    async sign(asked) {
      const { rawId, response } = await navigator.credentials.get({ publicKey: { ...asked, challenge: bytes(asked.challenge) } });
      return { id: rawId, client: response.clientDataJSON, data: response.authenticatorData, signature: response.signature, user: response.userHandle || new ArrayBuffer(0) };
    },
  };
  for (const form of document.querySelectorAll("[data-passkey]")) {
    form.hidden = !able;
    const trouble = form.querySelector(".trouble");
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      trouble.hidden = true;
      try {
        const answer = await fetch(form.dataset.ask, { method: "POST", body: new URLSearchParams(new FormData(form)) });
        const asked = await answer.json();
        if (!answer.ok) throw new Error(asked.detail);
        const given = await answers[form.dataset.passkey](asked);
        for (const [name, value] of Object.entries(given)) form.elements[name].value = word(value);
        if (form.elements.password) form.elements.password.value = "";
        form.submit();
      } catch (error) {
        trouble.textContent = error instanceof DOMException || !error.message ? form.dataset.failed : error.message;
        trouble.hidden = false;
      }
    });
  }
  for (const note of document.querySelectorAll("[data-no-passkey]")) note.hidden = able;
})();
