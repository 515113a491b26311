"""DKIM: sign a copy after it was marked, for those who deliver without a provider that signs."""

from __future__ import annotations

import re
from pathlib import Path

from inkdot.domain.errors import BadSetting

_SIGNED = (
    b"from", b"to", b"cc", b"reply-to", b"subject", b"date", b"message-id", b"in-reply-to", b"references", b"mime-version",
    b"content-type", b"content-transfer-encoding", b"list-unsubscribe", b"list-unsubscribe-post",
)  # fmt: skip


class Signer:
    """Signs for one domain."""

    def __init__(self, key: Path, selector: str, domain: str) -> None:
        """Raises BadSetting."""
        if not selector or not re.fullmatch(r"[\w.-]+\.[\w-]+", domain):
            raise BadSetting(
                "dkim_key needs dkim_selector and dkim_domain beside it, as in SELECTOR._domainkey.DOMAIN."
            )
        import dkim  # noqa: PLC0415 - with its DNS library 5 MB and 100 ms, for the few who sign here

        try:
            self._key = key.read_bytes()
            self._selector, self._domain = selector.encode(), domain.encode()
            self.signature(b"From: ada@example.com\r\n\r\nTry.\r\n")
        except OSError as error:
            raise BadSetting(f"dkim_key {key} cannot be read: {error.strerror}.") from error
        except (dkim.DKIMException, dkim.KeyFormatError, ValueError) as error:
            raise BadSetting(f"dkim_key {key} is no private RSA key in PEM form.") from error

    def signature(self, content: bytes) -> bytes:
        """The header to put before a mail."""
        import dkim  # noqa: PLC0415 - as above

        present = {line.split(b":")[0].strip().lower() for line in content[: content.find(b"\r\n\r\n")].split(b"\r\n")}
        return bytes(
            dkim.sign(
                content, self._selector, self._domain, self._key, include_headers=[h for h in _SIGNED if h in present],
                canonicalize=(b"relaxed", b"relaxed"),
            )
        )  # fmt: skip
