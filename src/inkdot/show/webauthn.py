"""What authenticators say (WebAuthn): a new key, or that a key signed our challenge, here, by a person it knows.

Attestation is neither asked for nor believed: which make a device is of, nobody needs to tell.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from inkdot.domain.errors import NotAllowed

ALGORITHMS = (-7, -8, -257)
"""ES256, EdDSA, RS256, as COSE numbers them."""
_PRESENT, _VERIFIED, _HAS_KEY = 1, 4, 64
_HEAD = 37
_DEEPEST = 6
_MOST_CREDENTIAL = 1_023
_LEAST_RSA, _MOST_RSA = 2_048, 8_192
_BYTES, _TEXT, _LIST, _MAP = 2, 3, 4, 5
_LONGEST_ARGUMENT = 27


class Made(NamedTuple):
    """A new key of an authenticator."""

    credential: bytes
    key: bytes
    """SubjectPublicKeyInfo, DER."""
    counter: int


def refused(why: str) -> NotAllowed:
    """The refusal, in a sentence."""
    return NotAllowed(f"The passkey cannot be taken: {why}.")


def made(client: bytes, attestation: bytes, challenge: str, origin: str, host: str) -> Made:
    """A key that was made for `challenge` on a page of `origin`. Raises NotAllowed."""
    _check_client(client, "webauthn.create", challenge, origin)
    try:
        data = read_cbor(attestation)["authData"]
        counter = _counter(data, host)
        size = int.from_bytes(data[53:55], "big")
        credential = data[55 : 55 + size]
        if not data[32] & _HAS_KEY or not 0 < size <= _MOST_CREDENTIAL or len(credential) != size:
            raise refused("it has no key")
        return Made(credential, _public(_item(data, 55 + size, 0)[0]), counter)
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        raise refused("its device said what nobody can read") from None


def signed(client: bytes, data: bytes, signature: bytes, key: bytes, challenge: str, origin: str, host: str) -> int:
    """The counter of a key that signed `challenge` on a page of `origin`. Raises NotAllowed."""
    _check_client(client, "webauthn.get", challenge, origin)
    counter = _counter(data, host)
    text, public = data + hashlib.sha256(client).digest(), load_der_public_key(key)
    try:
        match public:
            case ec.EllipticCurvePublicKey():
                public.verify(signature, text, ec.ECDSA(SHA256()))
            case ed25519.Ed25519PublicKey():
                public.verify(signature, text)
            case rsa.RSAPublicKey():
                public.verify(signature, text, padding.PKCS1v15(), SHA256())
            case _:
                raise refused("its key is of no known kind")
    except InvalidSignature:
        raise refused("its signature is wrong") from None
    return counter


def _check_client(client: bytes, kind: str, challenge: str, origin: str) -> None:
    try:
        said = json.loads(client)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict) or said.get("type") != kind:
        raise refused("it was asked for something else")
    if not hmac.compare_digest(str(said.get("challenge")).encode("utf-8", "replace"), challenge.encode()):
        raise refused("it answers another question")
    if said.get("origin") != origin or said.get("crossOrigin", False) is not False:
        raise refused("it was used on another website")


def _counter(data: bytes, host: str) -> int:
    """The counter, once the device vouches for this office and for the person before it."""
    if len(data) < _HEAD or not hmac.compare_digest(data[:32], hashlib.sha256(host.encode()).digest()):
        raise refused("it is for another website")
    if data[32] & (_PRESENT | _VERIFIED) != _PRESENT | _VERIFIED:
        raise refused("its device did not make sure who uses it")
    return int.from_bytes(data[33:37], "big")


def _public(key: Any) -> bytes:
    """A COSE key as DER. Raises NotAllowed, and ValueError, KeyError or TypeError for nonsense."""
    public: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey
    match key[1], key[3]:
        case 2, -7 if key[-1] == 1:
            numbers = int.from_bytes(key[-2], "big"), int.from_bytes(key[-3], "big")
            public = ec.EllipticCurvePublicNumbers(*numbers, ec.SECP256R1()).public_key()
        case 1, -8 if key[-1] == 6:
            public = ed25519.Ed25519PublicKey.from_public_bytes(key[-2])
        case 3, -257 if _LEAST_RSA <= 8 * len(key[-1]) <= _MOST_RSA:
            public = rsa.RSAPublicNumbers(int.from_bytes(key[-2], "big"), int.from_bytes(key[-1], "big")).public_key()
        case _:
            raise refused("its key is of no known kind")
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def read_cbor(data: bytes) -> Any:
    """Whole numbers, bytes, text, lists and maps of CBOR, all that authenticators need. Raises ValueError, TypeError."""
    value, end = _item(data, 0, 0)
    if end != len(data):
        raise ValueError("more than one item")
    return value


def _item(data: bytes, at: int, depth: int) -> tuple[Any, int]:
    if at >= len(data) or depth > _DEEPEST:
        raise ValueError("cut off, or too deep")
    major, size = data[at] >> 5, data[at] & 31
    at += 1
    if size > 23:
        if size > _LONGEST_ARGUMENT:
            raise ValueError("of no told length")
        more = 1 << (size - 24)
        size, at = int.from_bytes(data[at : at + more], "big"), at + more
    if at > len(data) or (major >= _BYTES and size > len(data) - at):
        raise ValueError("cut off")
    if major < _BYTES:
        return (-1 - size if major else size), at
    if major in (_BYTES, _TEXT):
        found = data[at : at + size]
        return (found if major == _BYTES else found.decode()), at + size
    if major not in (_LIST, _MAP):
        raise ValueError("of another kind")
    items: list[Any] = []
    for _ in range(size if major == _LIST else 2 * size):
        item, at = _item(data, at, depth + 1)
        items.append(item)
    return (items if major == _LIST else dict(zip(items[::2], items[1::2], strict=True))), at
