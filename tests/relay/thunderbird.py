"""Thunderbird itself, without a screen: driven through Marionette, the remote control that it brings along."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from pathlib import Path
from typing import Any, Self

from tests.conftest import PATIENCE, free_port

PREFERENCES = {
    "mailnews.message_display.disable_remote_image": False, "mail.provider.suppress_dialog_on_startup": True,
    "mail.spotlight.firstRunDone": True, "app.update.enabled": False, "mail.rights.version": 1, "app.donation.eoy.version.viewed": 999,
    "datareporting.policy.dataSubmissionEnabled": False, "mailnews.start_page.enabled": False, "mail.smtp.warnUser": False,
    "network.proxy.type": 0, "network.proxy.allow_hijacking_localhost": True, "mailnews.auto_config.guess.enabled": False, "mail.winsearch.firstRunDone": True,
    "mail.warn_on_send_accel_key": False, "mail.compose.warned_about_customize_from": True, "mail.SpellCheckBeforeSend": False, "extensions.autoDisableScopes": 0,
    "xpinstall.signatures.required": False,
}  # fmt: skip

SET_UP = """
const [address, host, port, user, password, done] = arguments;
(async () => {
  const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
  const smtp = MailServices.outgoingServer.createServer("smtp");
  smtp.QueryInterface(Ci.nsISmtpServer);
  smtp.hostname = host; smtp.port = port; smtp.username = user;
  smtp.authMethod = Ci.nsMsgAuthMethod.passwordCleartext; smtp.socketType = Ci.nsMsgSocketType.alwaysSTARTTLS;
  const login = Cc["@mozilla.org/login-manager/loginInfo;1"].createInstance(Ci.nsILoginInfo);
  login.init("smtp://" + host, null, "smtp://" + host, user, password, "", "");
  await Services.logins.addLoginAsync(login);
  const identity = MailServices.accounts.createIdentity();
  identity.email = address; identity.fullName = "Ada"; identity.smtpServerKey = smtp.key;
  identity.composeHtml = true; identity.doFcc = false;
  const incoming = MailServices.accounts.createIncomingServer("ada", "localhost", "pop3");
  incoming.loginAtStartUp = false; incoming.doBiff = false; incoming.downloadOnBiff = false;
  const account = MailServices.accounts.createAccount();
  account.incomingServer = incoming; account.addIdentity(identity);
  MailServices.accounts.defaultAccount = account;
  return identity.key;
})().then(done, e => done("failed: " + e));
"""

TRUST = """
const [host, port, pem, done] = arguments;
const db = Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB);
const certificate = db.constructX509FromBase64(pem);
Cc["@mozilla.org/security/certoverride;1"].getService(Ci.nsICertOverrideService)
  .rememberValidityOverride(host, port, {}, certificate, false);
done("ok");
"""

SEND = """
const [subject, body, to, cc, bcc, original, press, done] = arguments;
(async () => {
  const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
  const account = MailServices.accounts.defaultAccount, identity = account.defaultIdentity;
  const fields = Cc["@mozilla.org/messengercompose/composefields;1"].createInstance(Ci.nsIMsgCompFields);
  fields.from = identity.email; fields.to = to; fields.cc = cc; fields.bcc = bcc; fields.subject = subject;
  const params = Cc["@mozilla.org/messengercompose/composeparams;1"].createInstance(Ci.nsIMsgComposeParams);
  params.composeFields = fields; params.identity = identity; params.format = Ci.nsIMsgCompFormat.HTML;
  params.type = original ? Ci.nsIMsgCompType.Reply : Ci.nsIMsgCompType.New;
  if (original) params.originalMsgURI = original;
  const opened = new Promise(resolve => Services.obs.addObserver(function seen(window) {
    window.addEventListener("compose-editor-ready", () => { Services.obs.removeObserver(seen, "domwindowopened"); resolve(window); });
  }, "domwindowopened"));
  MailServices.compose.OpenComposeWindowWithParams(null, params);
  const window = await opened;
  await new Promise(resolve => window.setTimeout(resolve, 1500));
  const editor = window.GetCurrentEditor();
  editor.beginningOfDocument();
  editor.insertHTML(body);
  const sent = new Promise((resolve, reject) => {
    window.addEventListener("aftersend", event => event.detail?.successful === false ? reject(event.detail) : resolve("sent"));
    window.setTimeout(() => reject("not sent after two minutes"), 120000);
  });
  if (original) {
    window.document.querySelectorAll("#toAddrContainer mail-address-pill").forEach(pill => pill.remove());
    window.addressRowAddRecipientsArray(window.document.getElementById("addressRowTo"), [to]);
  }
  for (const id of press) {
    const button = window.document.getElementById(id);
    if (!button) throw new Error("there is no button " + id + " among " + [...window.document.querySelectorAll("toolbarbutton")].map(b => b.id));
    const before = button.label;
    button.click();
    for (let n = 0; button.label === before && n < 1200; n++) await new Promise(resolve => window.setTimeout(resolve, 50));
  }
  window.goDoCommand("cmd_sendNow");
  return await sent;
})().then(done, e => done("failed: " + e));
"""

OPEN = """
const [path, done] = arguments;
const file = Cc["@mozilla.org/file/local;1"].createInstance(Ci.nsIFile);
file.initWithPath(path);
const { MailUtils } = ChromeUtils.importESModule("resource:///modules/MailUtils.sys.mjs");
const window = Services.wm.getMostRecentWindow("mail:3pane");
MailUtils.openEMLFile(window, file, Services.io.newFileURI(file));
done("ok");
"""


OPTIONS = """
const [options, done] = arguments;
(async () => {
  const { ExtensionStorageIDB } = ChromeUtils.importESModule("resource://gre/modules/ExtensionStorageIDB.sys.mjs");
  const { extension } = WebExtensionPolicy.getByID("thunderbird@inkdot.example");
  const store = await ExtensionStorageIDB.open(ExtensionStorageIDB.getStoragePrincipal(extension));
  await store.set(options);
  return "ok";
})().then(done, e => done("failed: " + e));
"""

TICK = """
const [done] = arguments;
const tabs = Services.wm.getMostRecentWindow("mail:3pane").document.querySelectorAll("[id^=mailMessageTabBrowser]");
const shown = [...tabs].at(-1)?.contentDocument;
done(shown?.getElementById("thunderbird_inkdot_example-messageDisplayAction-toolbarbutton")?.label ?? "");
"""


class Thunderbird:
    """One profile with one identity that sends through the mail door."""

    def __init__(
        self, profile: Path, address: str, door: str, user: str, password: str, addon: Path | None = None
    ) -> None:
        profile.mkdir()
        if addon:
            (profile / "extensions").mkdir()
            (profile / "extensions" / "thunderbird@inkdot.example.xpi").write_bytes(addon.read_bytes())
        self._port = free_port()
        preferences = PREFERENCES | {"marionette.port": self._port}
        lines = (f"user_pref({json.dumps(key)}, {json.dumps(value)});\n" for key, value in preferences.items())
        (profile / "user.js").write_text("".join(lines))
        command = [
            "thunderbird",
            "--headless",
            "--no-remote",
            "--profile",
            str(profile),
            "--marionette",
            "-remote-allow-system-access",
        ]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._remote = Marionette(self._port)
        host, _, port = door.rpartition(":")
        self._run(SET_UP, address, host, int(port), user, password)
        self._run(TRUST, host, int(port), certificate(host, int(port)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._remote.close()
        self._process.kill()
        self._process.wait()

    def _run(self, script: str, *arguments: object) -> str:
        answer = str(self._remote.script(script, *arguments))
        assert not answer.startswith("failed"), answer
        return answer

    def send(self, subject: str, body: str, to: str, cc: str = "", bcc: str = "", press: tuple[str, ...] = ()) -> None:
        """Write a mail in the compose window, press these buttons, and then Send."""
        self._run(SEND, subject, body, to, cc, bcc, "", list(press))

    def choose(self, **options: object) -> None:
        """What the add-on's options page would keep."""
        self._run(OPTIONS, options)

    def tick(self) -> str:
        """What the add-on says of the mail that was opened last."""
        return self._run(TICK)

    def open(self, mail: Path) -> None:
        """Show a saved mail."""
        self._run(OPEN, str(mail))

    def reply(self, mail: Path, body: str, to: str) -> None:
        """Answer a saved mail, quoting it, but to somebody else."""
        self._run(SEND, "", body, to, "", "", f"{mail.as_uri()}?type=application/x-message-display", [])


class Marionette:
    """Its wire: `LENGTH:[0, number, command, parameters]`."""

    def __init__(self, port: int) -> None:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                self._socket = socket.create_connection(("127.0.0.1", port), 2 * PATIENCE)
                break
            except OSError:
                assert time.monotonic() < deadline, "Thunderbird did not start"
                time.sleep(0.2)
        self._count = 0
        self._read()
        self._ask("WebDriver:NewSession", {})
        self._ask("WebDriver:SetTimeouts", {"script": int(1_000 * PATIENCE)})
        self._ask("Marionette:SetContext", {"value": "chrome"})

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def script(self, text: str, *arguments: object) -> Any:
        """Run a script in Thunderbird itself; it calls its last argument with the answer."""
        return self._ask("WebDriver:ExecuteAsyncScript", {"script": text, "args": list(arguments)})["value"]

    def _ask(self, command: str, parameters: dict[str, Any]) -> Any:
        self._count += 1
        body = json.dumps([0, self._count, command, parameters]).encode()
        self._socket.sendall(str(len(body)).encode() + b":" + body)
        _, _, error, result = self._read()
        assert error is None, error
        return result

    def _read(self) -> Any:
        digits = b""
        while not digits.endswith(b":"):
            digits += self._socket.recv(1)
        body = b""
        while len(body) < int(digits[:-1]):
            body += self._socket.recv(int(digits[:-1]) - len(body))
        return json.loads(body)


def certificate(host: str, port: int) -> str:
    """The mail door's certificate in base64, as STARTTLS shows it."""
    command = ["openssl", "s_client", "-starttls", "smtp", "-connect", f"{host}:{port}"]
    shown = subprocess.run(command, input="QUIT\r\n", capture_output=True, text=True, check=False).stdout
    pem = shown[shown.index("-----BEGIN CERTIFICATE-----") + 27 : shown.index("-----END CERTIFICATE-----")]
    return "".join(pem.split())
