"""Callbacks: verifying, decrypting and reading what WeCom posts (reference 10; documents 90930, 91144).

A callback says only that something changed and where; what is there now is read by the API.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from xml.etree.ElementTree import ParseError

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from bridge.errors import BadInput, NotAllowed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from xml.etree.ElementTree import Element

KEY_CHARS: Final = 43
"""Characters of an EncodingAESKey: 32 bytes in base64 without the last ``=``."""

BLOCK_BYTES: Final = 32
"""PKCS#7 pads to 32 bytes here, not to the 16 of the cipher."""

RANDOM_BYTES: Final = 16
LENGTH_BYTES: Final = 4

BODY_BYTES_MAX: Final = 64 * 1024
"""Largest callback body; an event has less than 2 KiB."""

STALE_S: Final = 600
"""A signed callback older or newer than this (seconds) is refused: WeCom repeats within half a minute, and clocks
differ by less."""

SCHEDULE_EVENTS: Final = frozenset({"add_schedule", "modify_schedule", "delete_schedule", "respond_schedule"})
CALENDAR_EVENTS: Final = frozenset({"add_calendar", "modify_calendar", "delete_calendar"})

_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_SPARE_BITS: Final = 4
"""The last character carries 4 of the key's 256 bits and 2 that mean nothing; some makers set them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What a callback tells."""

    event: str
    """``modify_schedule`` and its kin; may be a kind that nobody documented."""
    calendar_id: str
    schedule_id: str
    user_id: str
    """Who did it."""
    created_s: int
    """When, in Unix seconds; with ``user_id`` the key to recognise a repetition by (reference 10.2)."""

    @property
    def key(self) -> str:
        """Return what two deliveries of one event have in common."""
        return f"{self.user_id}:{self.created_s}:{self.event}:{self.calendar_id}:{self.schedule_id}"

    @property
    def is_ours(self) -> bool:
        """Return whether it is about schedules or calendars at all."""
        return self.event in SCHEDULE_EVENTS or self.event in CALENDAR_EVENTS


class Callbacks:
    """Reads the callbacks of one app. Raises NotAllowed for what is not from WeCom, BadInput for what is broken."""

    def __init__(self, *, token: str, aes_key: str, receive_id: str) -> None:
        """``receive_id`` is the company's id for a self-built app. Raises ValueError for an impossible key."""
        self._token = token
        self._key = decode_key(aes_key)
        self._receive_id = receive_id

    def verify(self, query: Mapping[str, str], *, now_s: float) -> bytes:
        """Answer the GET that checks the address: return the exact bytes to send back."""
        echo = query.get("echostr", "")
        self._check(query, echo, now_s)
        return self._decrypt(echo)

    def receive(self, query: Mapping[str, str], body: bytes, *, now_s: float) -> Notice:
        """Read the POST of an event. An empty 200 is the answer that WeCom expects, within 5 seconds."""
        if len(body) > BODY_BYTES_MAX:
            msg = "the callback is larger than any event"
            raise BadInput(msg)
        encrypted = _field(_xml(body), "Encrypt")
        self._check(query, encrypted, now_s)
        event = _xml(self._decrypt(encrypted))
        created = _field(event, "CreateTime")
        return Notice(
            event=_field(event, "Event"),
            calendar_id=_field(event, "CalId"),
            schedule_id=_field(event, "ScheduleId"),
            user_id=_field(event, "FromUserName"),
            created_s=int(created) if created.isascii() and created.isdigit() else 0,
        )

    def probe(self, *, now_s: float, random: bytes) -> tuple[dict[str, str], bytes]:
        """Return what WeCom would ask to check the address (``verify``), and the answer it would expect.

        ``random``: at least 24 bytes; only to try out from here whether a callback arrives.
        """
        echo = str(int.from_bytes(random[RANDOM_BYTES : RANDOM_BYTES + 8], "big")).encode()
        content = (
            random[:RANDOM_BYTES] + len(echo).to_bytes(LENGTH_BYTES, "big") + echo + self._receive_id.encode()
        )
        pad = BLOCK_BYTES - len(content) % BLOCK_BYTES
        encryptor = Cipher(algorithms.AES(self._key), modes.CBC(self._key[:RANDOM_BYTES])).encryptor()
        sealed = encryptor.update(content + bytes([pad]) * pad) + encryptor.finalize()
        encrypted, timestamp, nonce = base64.b64encode(sealed).decode(), str(int(now_s)), random[:8].hex()
        query = {
            "msg_signature": signature(self._token, timestamp, nonce, encrypted),
            "timestamp": timestamp,
            "nonce": nonce,
            "echostr": encrypted,
        }
        return query, echo

    def _check(self, query: Mapping[str, str], encrypted: str, now_s: float) -> None:
        """Check the signature, then the age."""
        timestamp, nonce = query.get("timestamp", ""), query.get("nonce", "")
        wanted = signature(self._token, timestamp, nonce, encrypted)
        given = query.get("msg_signature", "")
        if not encrypted or not hmac.compare_digest(wanted.encode(), given.encode("utf-8", "replace")):
            msg = "the signature does not fit: not from WeCom, or another token is configured"
            raise NotAllowed(msg)
        is_number = timestamp.isascii() and timestamp.isdigit()
        if not is_number or abs(now_s - int(timestamp)) > STALE_S:
            msg = "the callback is too old, or the clocks of WeCom and this machine differ"
            raise NotAllowed(msg)

    def _decrypt(self, encrypted: str) -> bytes:
        """Return the message of an encrypted text, checked to be meant for us."""
        try:
            data = base64.b64decode(encrypted, validate=True)
        except (binascii.Error, ValueError) as error:
            raise _broken() from error
        if not data or len(data) % RANDOM_BYTES:
            raise _broken()
        decryptor = Cipher(algorithms.AES(self._key), modes.CBC(self._key[:RANDOM_BYTES])).decryptor()
        plain = decryptor.update(data) + decryptor.finalize()
        pad = plain[-1]
        if not 1 <= pad <= BLOCK_BYTES or pad > len(plain):
            raise _broken()
        content = plain[RANDOM_BYTES:-pad]
        length = int.from_bytes(content[:LENGTH_BYTES], "big")
        message, receive_id = content[LENGTH_BYTES : LENGTH_BYTES + length], content[LENGTH_BYTES + length :]
        if len(message) != length:
            raise _broken()
        if not hmac.compare_digest(receive_id, self._receive_id.encode()):
            msg = "the callback is meant for another company or app; check corp_id and the key"
            raise NotAllowed(msg)
        return message


def decode_key(aes_key: str) -> bytes:
    """Return the 32 bytes of an EncodingAESKey; the two spare bits of its last character are ignored."""
    if len(aes_key) != KEY_CHARS or any(char not in _ALPHABET for char in aes_key):
        msg = f"the callback key has {KEY_CHARS} letters and digits; copy it again from WeCom"
        raise ValueError(msg)
    last = _ALPHABET.index(aes_key[-1])
    clean = _ALPHABET[last - last % _SPARE_BITS]
    return base64.b64decode(aes_key[:-1] + clean + "=", validate=True)


def signature(token: str, timestamp: str, nonce: str, encrypted: str) -> str:
    """Return the lower-case hex SHA-1 of the four texts in byte order (document 91144)."""
    parts = sorted(part.encode() for part in (token, timestamp, nonce, encrypted))
    return hashlib.sha1(b"".join(parts)).hexdigest()  # noqa: S324 - WeCom's choice


def _broken() -> BadInput:
    msg = "the callback cannot be decrypted; check the key"
    return BadInput(msg)


def _xml(text: bytes) -> Element:
    """Parse XML without entities, external or not."""
    try:
        root: Element = fromstring(text)
    except (ParseError, DefusedXmlException, ValueError) as error:
        msg = "the callback is not XML"
        raise BadInput(msg) from error
    return root


def _field(root: Element, name: str) -> str:
    """Return the text of a child, or an empty one."""
    return (root.findtext(name) or "").strip()
