"""How to set mail programs up: values to type, and files that Thunderbird and Apple's Mail read by themselves."""

from __future__ import annotations

import plistlib
import uuid
from dataclasses import dataclass
from xml.sax.saxutils import escape


@dataclass(frozen=True, slots=True)
class Setup:
    """What a mail program must know to send through the mail door."""

    user: str
    address: str
    """The sender's mail address, as far as it is known."""
    host: str
    port: int
    tls_first: bool = False
    """TLS begins with the connection, not by STARTTLS."""

    @property
    def domain(self) -> str:
        """Of the address."""
        return self.address.rpartition("@")[2]

    @property
    def security(self) -> str:
        """As most programs call it."""
        return "SSL/TLS" if self.tls_first else "STARTTLS"


def values(setup: Setup) -> list[tuple[str, str]]:
    """What every mail program asks for."""
    return [
        ("Outgoing server (SMTP)", setup.host),
        ("Port", str(setup.port)),
        ("Connection security", setup.security),
        ("Authentication", "Password"),
        ("User name", setup.user),
        ("Password", "as 'inkdot relay account add' showed it"),
    ]


def text(setup: Setup) -> str:
    """For reading: the values, then where the usual programs ask for them."""
    scheme = "smtps" if setup.tls_first else "smtp"
    width = max(len(name) for name, _ in values(setup))
    lines = [f"  {name:{width}}  {value}" for name, value in values(setup)]
    return "\n".join(
        [
            "Change only the outgoing server; how mail comes in stays as it is.",
            "",
            *lines,
            "",
            "Thunderbird   Account Settings > Outgoing Server (SMTP) > Add, then choose it in your identity.",
            "Outlook       File > Account Settings > Server Settings > Outgoing mail; encryption: "
            + setup.security
            + ".",
            "Apple Mail    Settings > Accounts > Server Settings > Outgoing Mail Account > Edit SMTP Server List.",
            "iPhone        Settings > Apps > Mail > Mail Accounts > your account > SMTP > Add Server.",
            f'mutt          set smtp_url="{scheme}://{setup.user.replace("@", "%40")}@{setup.host}:{setup.port}/"',
            "",
            "Mails need HTML to be marked. Thunderbird sends plain text where nothing is formatted, unless Settings >",
            "Composition > Sending Format says both HTML and plain text.",
            "",
            "The first time, your program may ask whether it may trust the server's own certificate.",
        ]
    )


def outlook(setup: Setup) -> str:
    """Step by step for Outlook, which reads no settings file for an outgoing server alone."""
    return "\n".join(
        [
            "Outlook for Windows",
            "1. File > Account Settings > Account Settings, choose your account, Change (or Repair > Advanced).",
            f"2. Outgoing server (SMTP): {setup.host}, port {setup.port}, encryption method {setup.security}.",
            "3. More Settings > Outgoing Server: my outgoing server requires authentication,",
            f"   log on using: user name {setup.user}, the password that 'inkdot relay account add' showed.",
            "4. Next, Finish. Send a mail to yourself.",
            "",
            "Outlook for Mac: Tools > Accounts > your account, Outgoing server, the same values; More Options: user name.",
            "",
        ]
    )


def autoconfig(setup: Setup, incoming_host: str) -> str:
    """Thunderbird's config-v1.1.xml: ours for sending, `incoming_host` for receiving (IMAP over TLS)."""
    e = escape
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<clientConfig version="1.1">
  <emailProvider id="{e(setup.domain)}">
    <domain>{e(setup.domain)}</domain>
    <displayName>Inkdot mail door</displayName>
    <displayShortName>Inkdot</displayShortName>
    <incomingServer type="imap">
      <hostname>{e(incoming_host)}</hostname>
      <port>993</port>
      <socketType>SSL</socketType>
      <username>{e(setup.address)}</username>
      <authentication>password-cleartext</authentication>
    </incomingServer>
    <outgoingServer type="smtp">
      <hostname>{e(setup.host)}</hostname>
      <port>{setup.port}</port>
      <socketType>{"SSL" if setup.tls_first else "STARTTLS"}</socketType>
      <username>{e(setup.user)}</username>
      <authentication>password-cleartext</authentication>
    </outgoingServer>
  </emailProvider>
</clientConfig>
"""


def mobileconfig(setup: Setup, incoming_host: str) -> bytes:
    """Apple's configuration profile for a mail account: ours for sending, `incoming_host` for receiving (IMAP over TLS)."""

    def identifier(what: str) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"inkdot:{what}:{setup.user}@{setup.host}:{setup.port}")).upper()

    account = {
        "PayloadType": "com.apple.mail.managed",
        "PayloadVersion": 1,
        "PayloadIdentifier": f"inkdot.mail.{setup.user}",
        "PayloadUUID": identifier("mail"),
        "PayloadDisplayName": f"Mail for {setup.address}",
        "EmailAccountType": "EmailTypeIMAP",
        "EmailAccountDescription": f"{setup.address} through Inkdot",
        "EmailAddress": setup.address,
        "IncomingMailServerHostName": incoming_host,
        "IncomingMailServerPortNumber": 993,
        "IncomingMailServerUseSSL": True,
        "IncomingMailServerAuthentication": "EmailAuthPassword",
        "IncomingMailServerUsername": setup.address,
        "OutgoingMailServerHostName": setup.host,
        "OutgoingMailServerPortNumber": setup.port,
        "OutgoingMailServerUseSSL": True,
        "OutgoingMailServerAuthentication": "EmailAuthPassword",
        "OutgoingMailServerUsername": setup.user,
        "OutgoingPasswordSameAsIncomingPassword": False,
    }
    profile = {
        "PayloadType": "Configuration",
        "PayloadVersion": 1,
        "PayloadIdentifier": f"inkdot.profile.{setup.user}",
        "PayloadUUID": identifier("profile"),
        "PayloadDisplayName": f"Inkdot mail for {setup.address}",
        "PayloadRemovalDisallowed": False,
        "PayloadContent": [account],
    }
    return plistlib.dumps(profile)
