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

from tests.conftest import ADA, eventually
from tests.relay.thunderbird import free_port

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


@contextmanager
def mailbox() -> Iterator[tuple[imaplib.IMAP4, str]]:
    """Ada's mailbox, and its address; in a folder of its own that is open to whom dovecot runs as."""
    with tempfile.TemporaryDirectory(prefix="inkdot-dovecot-") as name:
        folder, port = Path(name), free_port()
        folder.chmod(0o755)
        (folder / "mail").mkdir()
        (folder / "mail").chmod(0o777)
        (folder / "users").write_text(f"{ADA}:{{PLAIN}}{PASSWORD}::::::\n")
        user, group = (
            ("nobody", "nogroup") if os.getuid() == 0 else (pwd.getpwuid(os.getuid()).pw_name, str(os.getgid()))
        )
        where = folder / "dovecot.conf"
        where.write_text(CONFIGURATION.format(folder=folder, port=port, user=user, group=group))
        server = subprocess.Popen(["dovecot", "-F", "-c", str(where)])
        try:
            client = eventually(lambda: connected(port))
            client.login(ADA, PASSWORD)
            client.select("INBOX")
            yield client, f"imap://{quote(ADA)}@127.0.0.1:{port}/INBOX"
            client.logout()
        finally:
            server.terminate()
            server.wait()


def connected(port: int) -> imaplib.IMAP4 | None:
    try:
        return imaplib.IMAP4("127.0.0.1", port)
    except OSError:
        return None
