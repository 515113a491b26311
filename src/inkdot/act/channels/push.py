"""Web push: encrypted for one browser (RFC 8291), signed with keys of our own (VAPID, RFC 8292)."""

from __future__ import annotations

import base64
import json
import os
import struct
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from inkdot.act.channels import Gone
from inkdot.act.channels.webhook import judged
from inkdot.act.reach import Reach

_RECORD = 4_096
_MOST_BYTES, _SECRET_BYTES = 3_000, 16
_DAY = 86_400
_CURVE = ec.SECP256R1()


class Vapid(NamedTuple):
    """Who pushes."""

    secret: int
    """The private key's number."""
    subject: str
    """mailto: or https: address of the owner, as push services ask for it."""

    @classmethod
    def fresh(cls, subject: str) -> Vapid:
        """New keys."""
        return cls(ec.generate_private_key(_CURVE).private_numbers().private_value, subject)

    def key(self) -> ec.EllipticCurvePrivateKey:
        """The private key."""
        return ec.derive_private_key(self.secret, _CURVE)

    def public(self) -> str:
        """What browsers want as applicationServerKey."""
        return encoded(_point(self.key().public_key()))


def deliver(reach: Reach, vapid: Vapid, endpoint: str, keys: Mapping[str, str], message: Mapping[str, str]) -> str:
    """Push it; raises Gone where the browser wants nothing more, Undelivered."""
    try:
        body = encrypted(_fitting(message), decoded(keys["p256dh"]), decoded(keys["auth"]), os.urandom)
    except (KeyError, ValueError, UnsupportedAlgorithm) as error:
        raise Gone("The browser's keys cannot be used.") from error
    headers = {
        "Content-Encoding": "aes128gcm", "Content-Type": "application/octet-stream", "TTL": str(_DAY), "Urgency": "high",
        "Authorization": authorization(vapid, endpoint, time.time()),
    }  # fmt: skip
    answer = reach.post(endpoint, body, headers)
    if answer.status in (404, 410):
        raise Gone("The browser has taken its permission back.")
    return judged(answer)


def usable(keys: Mapping[str, str]) -> bool:
    """True if a browser's keys are keys: a point of the curve and a secret of 16 bytes."""
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, decoded(keys["p256dh"]))
        return len(decoded(keys["auth"])) == _SECRET_BYTES
    except (KeyError, ValueError, TypeError, AttributeError, UnsupportedAlgorithm):
        return False


def _fitting(message: Mapping[str, str]) -> bytes:
    """The message as JSON; a long text is cut, because push services take 4 kB."""
    cut = dict(message)
    while len(body := json.dumps(cut, ensure_ascii=False).encode()) > _MOST_BYTES:
        longest = max(cut, key=lambda name: len(cut[name]))
        cut[longest] = cut[longest][: len(cut[longest]) * 3 // 4]
    return body


def encrypted(
    text: bytes,
    browser: bytes,
    auth: bytes,
    random: Callable[[int], bytes],
    own: ec.EllipticCurvePrivateKey | None = None,
) -> bytes:
    """`text` for one browser: its public point and auth secret; one record (RFC 8188). `own` is given by tests only."""
    own = own or ec.generate_private_key(_CURVE)
    theirs = ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, browser)
    here = _point(own.public_key())
    shared = own.exchange(ec.ECDH(), theirs)
    secret = _derived(shared, auth, b"WebPush: info\0" + browser + here, 32)
    salt = random(16)
    key = _derived(secret, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derived(secret, salt, b"Content-Encoding: nonce\0", 12)
    return salt + struct.pack(">IB", _RECORD, len(here)) + here + AESGCM(key).encrypt(nonce, text + b"\2", None)


def authorization(vapid: Vapid, endpoint: str, now: float) -> str:
    """A token for this push service for half a day."""
    parts = urlsplit(endpoint)
    claims = {"aud": f"{parts.scheme}://{parts.netloc}", "exp": int(now) + _DAY // 2, "sub": vapid.subject}
    signed = f"{_json({'typ': 'JWT', 'alg': 'ES256'})}.{_json(claims)}"
    r, s = decode_dss_signature(vapid.key().sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    signature = encoded(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
    return f"vapid t={signed}.{signature}, k={vapid.public()}"


def encoded(data: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    """The way back; raises ValueError."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _derived(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(hashes.SHA256(), length, salt, info).derive(secret)


def _point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _json(claims: Mapping[str, object]) -> str:
    return encoded(json.dumps(claims, separators=(",", ":")).encode())
