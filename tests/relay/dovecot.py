"""A mailbox on this machine that the mail door watches: dovecot, as Debian has it."""

from __future__ import annotations

import imaplib
import os
import pwd
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from tests.conftest import ADA, PATIENCE, eventually, free_port

PASSWORD = "secret"
CONFIGURATION = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
default_login_user = {user}
default_internal_user = {user}
default_internal_group = {group}
first_valid_uid = 0
mail_location = maildir:{folder}/mail/%u
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  chroot =
}}
service anvil {{
  chroot =
}}
passdb {{
  driver = passwd-file
  args = {folder}/users
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={folder}/mail/%u
}}
"""

WITHOUT_IDLE = "imap_capability = IMAP4rev1 SASL-IR LITERAL+ ENABLE\n"
TOKENS = """
auth_mechanisms = plain xoauth2
passdb {{
  driver = oauth2
  mechanisms = xoauth2
  args = {folder}/oauth2
}}
"""


class Dovecot:
    """Ada's mailbox, in a folder of its own that is open to whom dovecot runs as; it may stop and start."""

    def __init__(self, folder: Path, more: str = "", judge: str = "") -> None:
        """`more` is added to the configuration; `judge` is the address that knows good access tokens."""
        self.folder, self.port = folder, free_port()
        folder.chmod(0o755)
        (folder / "mail").mkdir()
        (folder / "mail").chmod(0o777)
        (folder / "users").write_text(f"{ADA}:{{PLAIN}}{PASSWORD}::::::\n")
        user, group = (
            ("nobody", "nogroup") if os.getuid() == 0 else (pwd.getpwuid(os.getuid()).pw_name, str(os.getgid()))
        )
        text = CONFIGURATION.format(folder=folder, port=self.port, user=user, group=group)
        if judge:
            (folder / "oauth2").write_text(f"tokeninfo_url = {judge}\nusername_attribute = email\n")
            more += TOKENS.format(folder=folder)
        (folder / "dovecot.conf").write_text(text + more)
        self.url = f"imap://{quote(ADA)}@127.0.0.1:{self.port}/INBOX"
        self.start()

    def start(self) -> None:
        self._server = subprocess.Popen(["dovecot", "-F", "-c", str(self.folder / "dovecot.conf")])

    def stop(self) -> None:
        self._server.terminate()
        self._server.wait()

    def client(self) -> imaplib.IMAP4:
        client: imaplib.IMAP4 = eventually(lambda: connected(self.port))
        client.login(ADA, PASSWORD)
        client.select("INBOX")
        return client

    def forget_numbers(self) -> None:
        """As a mailbox does that was moved or repaired: all its mails get new numbers."""
        for path in (self.folder / "mail" / ADA).glob("dovecot*"):
            path.unlink()


@contextmanager
def dovecot(more: str = "", judge: str = "") -> Iterator[Dovecot]:
    with tempfile.TemporaryDirectory(prefix="inkdot-dovecot-") as name:
        server = Dovecot(Path(name), more, judge)
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def mailbox() -> Iterator[tuple[imaplib.IMAP4, str]]:
    """A client of Ada's mailbox, and its address."""
    with dovecot() as server, server.client() as client:
        yield client, server.url


def connected(port: int) -> imaplib.IMAP4 | None:
    try:
        return imaplib.IMAP4("127.0.0.1", port, PATIENCE)
    except OSError:
        return None
