// The office's API as both add-ons use it: mark one mail, and tell what became of those that were sent.
"use strict";

const SIGNS = {
  sent: "✓ sent",
  fetched: "✓ fetched by a machine",
  opened: "✓✓ likely opened",
  clicked: "✓✓ clicked",
  replied: "✓✓ replied",
};
const PATIENCE_MS = 8_000; // a mail waits no longer for its marks
const SETTLED = [404, 409, 422]; // what the office has said for good

class Office {
  // `settings`: { server: "https://office.example.com", key: "..." }, as the options page keeps them.
  constructor({ server = "", key = "" } = {}) {
    this.base = server.replace(/\/+$/, "");
    this.key = key;
  }

  get known() { return this.base !== "" && this.key !== ""; }

  async ask(path, body, method = body ? "POST" : "GET") {
    const headers = { Authorization: `Bearer ${this.key}` };
    if (body) headers["Content-Type"] = "application/json";
    const answer = await fetch(`${this.base}/api/v1${path}`, {
      method, headers, body: body && JSON.stringify(body), credentials: "omit", cache: "no-store",
      signal: AbortSignal.timeout(PATIENCE_MS),
    }).catch((error) => { throw error.name === "TimeoutError" ? new Error("The office does not answer.") : error; });
    const said = await answer.json();
    if (!answer.ok) {
      throw Object.assign(new Error(said.detail || said.title || `The server says ${answer.status}.`), { status: answer.status });
    }
    return said;
  }

  // One page of HTML for one person -> { message, html, dots, leftAlone }: marked as far as that person's consent goes.
  async mark(html, to, subject = "") {
    const mail = [
      "MIME-Version: 1.0", `To: <${to}>`, `Subject: =?utf-8?B?${base64(subject)}?=`, "Content-Type: text/html; charset=utf-8",
      "Content-Transfer-Encoding: base64", "", base64(html).replace(/.{76}/g, "$&\r\n"), "",
    ].join("\r\n");
    const { message, copies: [copy] } = await this.ask("/messages", { mail: btoa(mail), to: [to] });
    const [, body] = atob(copy.mail).split(/\r\n\r\n(.*)/s);
    return {
      message, dots: copy.dots, leftAlone: copy.left_alone?.text ?? null,
      html: copy.left_alone ? html : new TextDecoder().decode(bytes(atob(body.replace(/\s/g, "")))),
    };
  }

  // Under which Message-ID a marked mail left: from then on it is found by it, and replies to it are known.
  // True once there is nothing more to tell.
  async left(message, internetId) {
    try {
      await this.ask(`/messages/${message}`, { internet_id: `<${internetId}>` }, "PATCH");
      return true;
    } catch (error) {
      return SETTLED.includes(error.status);
    }
  }

  // What became of the mail with this Message-ID; null for a mail of nobody here.
  async found(internetId) {
    const { data } = await this.ask(`/messages?internet_id=${encodeURIComponent(`<${internetId}>`)}`);
    return data[0] ?? null;
  }
}

// The best that is proven of a mail, as a word of SIGNS.
function stateOf(report) {
  if (report.replied) return "replied";
  if (report.clicked) return "clicked";
  if (report.opened.sure || report.opened.likely) return "opened";
  return report.machine_fetches || report.opened.machine_only ? "fetched" : "sent";
}

function bytes(binary) { return Uint8Array.from(binary, (sign) => sign.charCodeAt(0)); }

function base64(text) {
  let binary = "";
  for (const byte of new TextEncoder().encode(text)) binary += String.fromCharCode(byte);
  return btoa(binary);
}

// `Ada <ada@example.com>` -> its address; null where there is none.
function addressOf(text) { return text.match(/[^\s<>,;:"()]+@[^\s<>,;:"()]+/)?.[0].toLowerCase() ?? null; }
