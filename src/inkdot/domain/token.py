"""The token: the signed mark that every dot and tracked link carries.

A token describes itself, so neither the street nor the pipeline looks anything up to answer or to decode it:

    byte  0      version (high 4 bits) and kind (low 4 bits)
          1      number of the key that signed
          2      consent mode
          3      spare bytes at the end of the body (0-2), so that body + tag is a multiple of 3 and base64 has no slack bits;
                 the high bit: nobody else has a mark of this object
          4-5    workspace
          6-7    part: the dot's place, or the link's position
          8-11   unix seconds of marking
         12-19   object: message or link id
         20-27   contact id, 0 for nobody
         28      length n of the address
         29-..   the address, n bytes, masked: readable only with the key, so a link shown to others gives no address away
         ..      the destination, byte for byte (clicks)
        last 16  tag: keyed BLAKE2b of all before it

The text form is base64url without padding. Integers are big-endian.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import json
import struct
from collections.abc import Callable
from enum import IntEnum
from mmap import mmap
from typing import NamedTuple

from inkdot.domain.consent import Mode
from inkdot.domain.contact import Address
from inkdot.domain.errors import BadSetting
from inkdot.domain.ids import ContactId, DocumentId, LinkId, WorkspaceId

VERSION = 1
TAG_BYTES = 16
_HEAD = struct.Struct(">BBBBHHIQQB")
_URLSAFE = bytes.maketrans(b"-_", b"+/")
_STANDARD = bytes.maketrans(b"+/", b"-_")
_NOT_URLSAFE = b"+/="
_ALONE = 0x80
_DAY = 86_400


class TokenKind(IntEnum):
    """What carries the token."""

    DOT = 1
    """A dot in a mail; object is the message."""
    CLICK = 2
    """A rewritten link in a mail; object is the message."""
    LINK = 3
    """A tracked link of its own; object is the link."""
    PAGE = 4
    """A dot in a document; object is the document, part its page, 0 for the whole."""
    SHARE = 5
    """A reader's link; object is the share."""
    PRIVACY = 6
    """A link to the privacy page; object is what it stands in, the destination UNSUBSCRIBE or a website's domain."""
    SITE = 7
    """A site's key; object is the site, the destination its domain; part 0 for pages, 1 for servers, and 2 more for people
    who were asked and agreed."""
    PUSH = 8
    """A link to the page where a browser is allowed to be pushed to: its person's, or with nobody in it the owner's."""
    CONFIRM = 9
    """A link to the page where consent is confirmed: its person's, or with nobody in it a form for anybody. The destination
    says what is asked (domain/asking.py)."""


_CLICK, _LINK = TokenKind.CLICK, TokenKind.LINK  # an enum is asked for each name; at every ping that adds up
_OF_MAILS = frozenset({TokenKind.DOT, TokenKind.CLICK, TokenKind.PRIVACY})
_KINDS = {int(kind): kind for kind in TokenKind}  # a look-up costs a tenth of calling the enum
_MODES = {int(mode): mode for mode in Mode}


class Token(NamedTuple):
    """A token's contents."""

    kind: TokenKind
    mode: Mode
    workspace: WorkspaceId
    part: int
    marked: int
    object: int
    contact: ContactId
    address: Address | None
    destination: bytes
    alone: bool = False
    """Nobody else has a mark of this object, so that the object would name the person."""

    @property
    def link(self) -> LinkId | None:
        """The link's id; links of one mail get theirs from the message and their position, equal for all recipients."""
        if self.kind is _LINK:
            return LinkId(self.object)
        return link_in_message(self.object, self.part) if self.kind is _CLICK else None


def link_in_message(message: int, position: int) -> LinkId:
    """The id of the link at `position` of a message."""
    digest = hashlib.blake2b(struct.pack(">QH", message, position), digest_size=8, person=b"inkdot-link").digest()
    return LinkId(int.from_bytes(digest, "big") >> 1)


def common_object(workspace: int, kind: TokenKind, marked: int) -> int:
    """What stands for all mails (and the like) of a day that went to one unnamed person each: one mark for all of them."""
    data = struct.pack(">HBI", workspace, kind in _OF_MAILS, marked // _DAY)
    digest = hashlib.blake2b(data, digest_size=8, person=b"inkdot-common").digest()
    return int.from_bytes(digest, "big") >> 1


def common_link(workspace: int, destination: bytes) -> LinkId:
    """The id of the link to a destination that all unnamed people share."""
    data = struct.pack(">H", workspace) + destination
    digest = hashlib.blake2b(data, digest_size=8, person=b"inkdot-link-all").digest()
    return LinkId(int.from_bytes(digest, "big") >> 1)


def common_document(workspace: int, dots: str, content: bytes | mmap) -> DocumentId:
    """The id of a marked document whose copies for unnamed people are all the same."""
    data = struct.pack(">H", workspace) + dots.encode() + b"\0"
    digest = hashlib.blake2b(data, digest_size=8, person=b"inkdot-doc-all")
    digest.update(content)
    return DocumentId(int.from_bytes(digest.digest(), "big") >> 1)


class Key(NamedTuple):
    """One signing key."""

    number: int
    secret: bytes


class Keyring:
    """Signs with the first key, accepts all of them. The identity secret names and masks contacts and never rotates."""

    def __init__(self, identity: bytes, keys: tuple[Key, ...]) -> None:
        if not keys or len(identity) != 32 or any(len(k.secret) != 32 for k in keys):
            msg = "A keyring needs an identity secret and at least one key, 32 bytes each; restore keys.json from a backup."
            raise BadSetting(msg)
        self.identity = identity
        self.keys = keys
        self._signers = {
            k.number: hashlib.blake2b(key=k.secret, digest_size=TAG_BYTES, person=b"inkdot-token") for k in keys
        }

    def __reduce__(self) -> tuple[type[Keyring], tuple[bytes, tuple[Key, ...]]]:
        return Keyring, (self.identity, self.keys)

    @classmethod
    def fresh(cls, random: Callable[[int], bytes]) -> Keyring:
        """A new keyring; `random(n)` gives n unpredictable bytes (os.urandom)."""
        return cls(random(32), (Key(1, random(32)),))

    def rotated(self, random: Callable[[int], bytes]) -> Keyring:
        """The same keyring with a new signing key in front; tokens of the older keys stay valid."""
        number = max(k.number for k in self.keys) + 1
        if number > 255:
            msg = "This keyring has used all 255 key numbers; start a new data folder."
            raise BadSetting(msg)
        return Keyring(self.identity, (Key(number, random(32)), *self.keys))

    @classmethod
    def from_json(cls, text: str) -> Keyring:
        """Read `keys.json`; raises BadSetting."""
        try:
            data = json.loads(text)
            keys = tuple(Key(int(k["number"]), bytes.fromhex(k["secret"])) for k in data["keys"])
            return cls(bytes.fromhex(data["identity"]), keys)
        except (ValueError, KeyError, TypeError) as error:
            msg = "keys.json is damaged; put the copy from your last backup in its place."
            raise BadSetting(msg) from error

    def to_json(self) -> str:
        """The form kept in `keys.json`."""
        keys = [{"number": k.number, "secret": k.secret.hex()} for k in self.keys]
        return json.dumps({"identity": self.identity.hex(), "keys": keys}, indent=1)

    # -- contacts

    def contact_id(self, workspace: int, address: Address) -> ContactId:
        """The id of a person: stable over messages and key rotations, meaningless without the identity secret."""
        data = struct.pack(">H", workspace) + address.encode()
        digest = hashlib.blake2b(data, key=self.identity, digest_size=8, person=b"inkdot-contact").digest()
        return ContactId(int.from_bytes(digest, "big") >> 1 or 1)

    def _mask(self, workspace: int, contact: int, data: bytes) -> bytes:
        # One contact id always masks the same address, so a key stream is never used for two texts.
        stream = hashlib.shake_256(self.identity + b"inkdot-mask" + struct.pack(">HQ", workspace, contact)).digest(
            len(data)
        )
        return bytes(a ^ b for a, b in zip(data, stream, strict=True))

    def address_of(self, raw: bytes) -> Address | None:
        """The recipient's address in a verified token, or None where it names nobody."""
        _, _, _, _, workspace, _, _, _, contact, length = _HEAD.unpack_from(raw)
        if not length:
            return None
        return Address(self._mask(workspace, contact, raw[_HEAD.size : _HEAD.size + length]).decode())

    # -- tokens

    def sign(self, token: Token) -> str:
        """The text form of a token."""
        return binascii.b2a_base64(self.seal(token), newline=False).translate(_STANDARD).decode()

    def seal(self, token: Token) -> bytes:
        """The raw form of a token: body and tag."""
        key = self.keys[0]
        address = token.address.encode() if token.address else b""
        length = _HEAD.size + len(address) + len(token.destination) + TAG_BYTES
        spare = -length % 3
        head = _HEAD.pack(
            VERSION << 4 | token.kind, key.number, token.mode, spare | _ALONE * token.alone, token.workspace, token.part, token.marked,
            token.object, token.contact, len(address),
        )  # fmt: skip
        body = head + self._mask(token.workspace, token.contact, address) + token.destination + bytes(spare)
        signer = self._signers[key.number].copy()
        signer.update(body)
        return body + signer.digest()

    def check(self, text: bytes) -> bytes | None:
        """The raw form of a genuine token's text, None for anything else. Takes the same time for near misses."""
        try:
            raw = binascii.a2b_base64(text.translate(_URLSAFE, _NOT_URLSAFE), strict_mode=True)
        except ValueError:
            return None
        return raw if len(text) * 3 == len(raw) * 4 and self.genuine(raw) else None

    def genuine(self, raw: bytes) -> bool:
        """True if the raw form was sealed with one of our keys."""
        if len(raw) < _HEAD.size + TAG_BYTES or raw[0] >> 4 != VERSION:
            return False
        signer = self._signers.get(raw[1])
        if signer is None:
            return False
        signer = signer.copy()
        signer.update(raw[:-TAG_BYTES])
        return hmac.compare_digest(signer.digest(), raw[-TAG_BYTES:])

    def read(self, raw: bytes) -> Token:
        """The contents of a genuine raw token. The caller has checked it; the address is unmasked on the way."""
        token = read_bare(raw)
        return token._replace(address=self.address_of(raw))

    def without_person(self, raw: bytes) -> bytes:
        """The same mark for nobody: what may be kept where a name may not."""
        token = read_bare(raw)
        return self.seal(
            shared(token._replace(mode=min(token.mode, Mode.AGGREGATE), contact=ContactId(0), address=None))
        )

    def with_day_alone(self, raw: bytes) -> bytes:
        """The same person, but not what was opened: what may be kept where the day may."""
        token = self.read(raw)
        return self.seal(token._replace(mode=Mode.HYGIENE, object=0, part=0, marked=0, destination=b""))


UNSUBSCRIBE = b"unsubscribe"
"""The place of a link to the privacy page that stands in a List-Unsubscribe line."""
_TEXT_PREFIX = "inkdot-key-1."


def keyring_to_text(keyring: Keyring) -> str:
    """A keyring as one word, to be given to a library: a secret as much as keys.json."""
    return _TEXT_PREFIX + binascii.b2a_base64(keyring.to_json().encode(), newline=False).translate(_STANDARD).decode()


def keyring_from_text(text: str) -> Keyring:
    """The keyring in such a word, or in the contents of keys.json; raises BadSetting."""
    if not isinstance(text, str):
        raise BadSetting("A key is the text that 'inkdot key' prints.")
    word = text.strip()
    if word.startswith("{"):
        return Keyring.from_json(word)
    try:
        packed = word.removeprefix(_TEXT_PREFIX).encode("ascii").translate(_URLSAFE)
        return Keyring.from_json(binascii.a2b_base64(packed).decode() if word.startswith(_TEXT_PREFIX) else "")
    except (ValueError, BadSetting) as error:
        raise BadSetting("This is no key; copy the whole word that 'inkdot key' prints on the server.") from error


def read_bare(raw: bytes) -> Token:
    """The contents of a genuine raw token, the address left masked (None)."""
    first, _, mode, spare, workspace, part, marked, obj, contact, length = _HEAD.unpack_from(raw)
    return tuple.__new__(Token, (  # as Token() would, in half the time
        _KINDS[first & 15], _MODES[mode], workspace, part, marked, obj, contact, None,
        raw[_HEAD.size + length : -TAG_BYTES - (spare & 3)], spare >= _ALONE,
    ))  # fmt: skip


def shared(token: Token) -> Token:
    """The token of nobody's mark: where it would be one person's own, the day's common one takes its place."""
    if not token.alone or token.contact:
        return token
    common = common_object(token.workspace, token.kind, token.marked)
    return token._replace(object=common, marked=token.marked // _DAY * _DAY)


def kind_of(raw: bytes) -> int:
    """The kind in a raw token, as its number."""
    return raw[0] & 15


def mode_of(raw: bytes) -> int:
    """The consent mode in a raw token, as its number."""
    return raw[2]


def workspace_of(raw: bytes) -> bytes:
    """The workspace in a raw token, 2 bytes."""
    return raw[4:6]


def marked_of(raw: bytes) -> int:
    """When a raw token was made, in unix seconds."""
    return int.from_bytes(raw[8:12], "big")


def ids_of(raw: bytes) -> tuple[bytes, bytes]:
    """The object and the contact in a raw token, 8 bytes each."""
    return raw[12:20], raw[20:28]


def part_of(raw: bytes) -> int:
    """The part in a raw token."""
    return raw[6] << 8 | raw[7]


def destination_of(raw: bytes) -> bytes:
    """The destination in a genuine raw token, byte for byte."""
    return raw[_HEAD.size + raw[_HEAD.size - 1] : len(raw) - TAG_BYTES - (raw[3] & 3)]
