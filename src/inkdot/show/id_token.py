"""ID tokens of OpenID Connect providers: signed by a published key, about somebody, for us, of now, for this browser.

RS256 and ES256 only: a token without a signature, or with one that whoever knows our secret could make, says nothing.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeGuard

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from inkdot.domain.errors import NotAllowed

SKEW, OLDEST = 60, 600
"""Seconds that clocks may differ, and that a token may be old."""
_KINDS = {"RS256": "RSA", "ES256": "EC"}
_LEAST_RSA, _MOST_RSA = 2_048, 8_192
_HALF = 32
_MOST_SUBJECT = 255

Key = Mapping[str, Any]


class Claims(NamedTuple):
    """What a provider says of somebody."""

    issuer: str
    subject: str
    address: str
    """The mail address; empty where the token does not vouch for it."""


class KeyUnknown(NotAllowed):
    """The token names a key that is not, or not yet, among those published."""


def untrusted(why: str) -> NotAllowed:
    """The refusal of an answer, in a sentence."""
    return NotAllowed(f"What the sign-in provider answered cannot be trusted: {why}.")


def claims_of(token: str, keys: Sequence[Key], issuer: str, client: str, nonce: str, now: float) -> Claims:
    """Everything checked; `now` in unix seconds. Raises KeyUnknown, NotAllowed."""
    signed, _, signature = token.rpartition(".")
    head, _, body = signed.partition(".")
    header = _object(head)
    kind = _KINDS.get(str(header.get("alg")))
    if kind is None or "crit" in header:
        raise untrusted("it is not signed as it must be")
    if not _right(_key(keys, kind, header.get("kid")), signed.encode(), _bytes(signature)):
        raise untrusted("its signature is wrong")
    said = _object(body)
    _check(said, issuer, client, nonce, now)
    return Claims(issuer, said["sub"], verified_address(said))


def verified_address(said: Mapping[str, Any]) -> str:
    """The mail address that a provider vouches for; empty where it vouches for none."""
    address = said.get("email") if said.get("email_verified") is True else ""
    return address if isinstance(address, str) else ""


def _check(said: Mapping[str, Any], issuer: str, client: str, nonce: str, now: float) -> None:
    audience = said.get("aud")
    meant = audience if isinstance(audience, list) else [audience]
    until, made, subject = said.get("exp"), said.get("iat"), said.get("sub")
    if said.get("iss") != issuer:
        raise untrusted("it comes from another provider")
    if client not in meant or said.get("azp", client if len(meant) == 1 else None) != client:
        raise untrusted("it is meant for another office")
    if not _is_time(until) or not _is_time(made) or until <= now - SKEW or not now - OLDEST <= made <= now + SKEW:
        raise untrusted("it is not of now; look at the clocks of both machines")
    if not hmac.compare_digest(str(said.get("nonce")).encode("utf-8", "replace"), nonce.encode()):
        raise untrusted("it was made for another browser")
    if not isinstance(subject, str) or not 0 < len(subject) <= _MOST_SUBJECT:
        raise untrusted("it does not say who it is about")


def _is_time(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _key(keys: Sequence[Key], kind: str, name: object) -> rsa.RSAPublicKey | ec.EllipticCurvePublicKey:
    fit = [
        key for key in keys
        if key.get("kty") == kind and key.get("use", "sig") == "sig" and (name is None or key.get("kid") == name)
    ]  # fmt: skip
    if len(fit) != 1:
        raise KeyUnknown("What the sign-in provider answered cannot be trusted: it is signed by an unknown key.")
    return _public(fit[0], kind)


def _public(key: Key, kind: str) -> rsa.RSAPublicKey | ec.EllipticCurvePublicKey:
    try:
        if kind == "RSA":
            e, n = _number(key["e"]), _number(key["n"])
            if _LEAST_RSA <= n.bit_length() <= _MOST_RSA:
                return rsa.RSAPublicNumbers(e, n).public_key()
        elif key["crv"] == "P-256":
            return ec.EllipticCurvePublicNumbers(_number(key["x"]), _number(key["y"]), ec.SECP256R1()).public_key()
    except (KeyError, ValueError):
        pass
    raise untrusted("its key does not work")


def _right(key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey, signed: bytes, signature: bytes) -> bool:
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, signed, padding.PKCS1v15(), SHA256())
        elif len(signature) == 2 * _HALF:
            r, s = int.from_bytes(signature[:_HALF]), int.from_bytes(signature[_HALF:])
            key.verify(encode_dss_signature(r, s), signed, ec.ECDSA(SHA256()))
        else:
            return False
    except InvalidSignature:
        return False
    return True


def _number(text: object) -> int:
    return int.from_bytes(_bytes(str(text)))


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text.encode() + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise untrusted("it is no token") from None


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(_bytes(text))
    except (ValueError, RecursionError):
        raise untrusted("it is no token") from None
    if not isinstance(found, dict):
        raise untrusted("it is no token")
    return found
