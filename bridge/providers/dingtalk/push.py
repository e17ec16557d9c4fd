"""Callbacks and Stream frames: verifying, decrypting, reading and answering (reference 6). Pure.

Neither says what changed, only which event (and sometimes with wrong or other ids): what is there now is read by
the API. Duplicates and repetitions are normal; :attr:`Notice.key` recognises them.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from bridge.errors import BadInput, NotAllowed
from bridge.providers.dingtalk.schema import number, text, texts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bridge.model.upstream import Json

KEY_CHARS: Final = 43
"""Characters of an aes_key: 32 bytes in base64 without the last ``=``."""

BLOCK_BYTES: Final = 32
"""PKCS#7 pads to 32 bytes here, not to the 16 of the cipher."""

RANDOM_BYTES: Final = 16
LENGTH_BYTES: Final = 4

BODY_BYTES_MAX: Final = 256 * 1024
"""Largest callback body or frame; an event names up to 5000 people."""

STALE_S: Final = 3600
"""A signed callback older or newer than this (seconds) is refused. Repetitions come after 10 and 30 seconds; the
rest is for clocks that differ."""

SUCCESS: Final = "success"
"""The text whose encryption is the only accepted answer."""

CHANGE: Final = "calendar_event_change"
CHECK_URL: Final = "check_url"
DIRECTORY_EVENTS: Final = frozenset({"user_add_org", "user_modify_org", "user_leave_org", "user_active_org"})

QUOTA_CODE: Final = "20001"
"""``errCode`` of a push without content: the month's pushes are used up (reference 5.2)."""

OPEN_PATH: Final = "/v1.0/gateway/connections/open"
"""Where a Stream connection is asked for; no access token, and ``Accept: application/json`` is needed (6.4)."""

_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_SPARE_BITS: Final = 4
"""The last character carries 4 of the key's 256 bits and 2 that mean nothing; some makers set them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What a push tells."""

    event: str
    """``calendar_event_change``, ``check_url``, ``user_modify_org`` and others that nobody documented."""
    event_id: str = ""
    """The event or occurrence that changed."""
    calendar_id: str = ""
    """``primary``, or an opaque id that means the same: do not compare it with ids of calendar lists."""
    user_ids: tuple[str, ...] = ()
    """unionIds of the people concerned; userids for directory events."""
    change: str = "updated"
    """``created``, ``updated`` or ``cancelled``; anything else counts as ``updated``."""
    updated_ms: int = 0
    push_id: str = ""
    """The vendor's id of this push, the same in all repetitions; may be empty."""
    born: str = ""
    """When the vendor made this push, the same in all repetitions; HTTP pushes have it instead of an id."""
    corp_id: str = ""
    """The organisation it comes from, where it tells."""
    quota_spent: bool = False
    """The push came without content, because the month's pushes are used up."""

    @property
    def key(self) -> str:
        """Return what two deliveries of one push have in common."""
        if self.push_id:
            return self.push_id
        people = hashlib.sha256(",".join(self.user_ids).encode("utf-8", "replace")).hexdigest()[:16]
        return f"{self.event}:{self.event_id}:{self.updated_ms}:{self.change}:{self.born}:{people}"

    @property
    def has_exact_key(self) -> bool:
        """Return whether :attr:`key` belongs to this push only."""
        return bool(self.push_id or self.born)

    @property
    def is_calendar(self) -> bool:
        """Return whether it is about an event in somebody's calendar."""
        return self.event == CHANGE

    @property
    def is_directory(self) -> bool:
        """Return whether somebody joined, left, or got another name or address."""
        return self.event in DIRECTORY_EVENTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One frame of a Stream connection."""

    kind: str
    """``SYSTEM``, ``EVENT`` or ``CALLBACK``."""
    topic: str
    message_id: str
    data: str
    notice: Notice | None = None
    """Of an EVENT."""

    @property
    def is_ping(self) -> bool:
        """Return whether the server asks for a sign of life."""
        return self.kind == "SYSTEM" and self.topic == "ping"

    @property
    def is_disconnect(self) -> bool:
        """Return whether the server is about to close: open a new connection, do not answer."""
        return self.kind == "SYSTEM" and self.topic == "disconnect"


# ---- HTTP callbacks --------------------------------------------------------------------------------------


class Callbacks:
    """Reads and answers the callbacks of one app.

    Raises NotAllowed for what is not from DingTalk, BadInput for what is broken.
    """

    def __init__(self, *, token: str, aes_key: str, owner_keys: Sequence[str]) -> None:
        """``owner_keys``: the app's client id first, then its company's id, both of which occur (6.3).

        Raises ValueError for an impossible key or no owner.
        """
        if not token or not owner_keys or not owner_keys[0]:
            msg = "a callback needs a token, and the client id that it is meant for"
            raise ValueError(msg)
        self._token = token
        self._key = decode_key(aes_key)
        self._owners = [owner.encode() for owner in owner_keys if owner]

    def receive(self, query: Mapping[str, str], body: bytes, *, now_s: float) -> Notice:
        """Read the POST of a push; answer it with :meth:`answer` within 2.5 seconds."""
        if len(body) > BODY_BYTES_MAX:
            msg = "the callback is larger than any event"
            raise BadInput(msg)
        encrypted = text(parse(body), "encrypt")
        self._check(query, encrypted, now_s)
        return read_payload(parse(self.decrypt(encrypted)))

    def answer(self, query: Mapping[str, str]) -> Json:
        """Return the JSON that says ``success``, under the timestamp and nonce of the request."""
        return self.encrypted(
            SUCCESS, _one(query, "timestamp"), _one(query, "nonce"), os.urandom(RANDOM_BYTES)
        )

    def encrypted(self, message: str, timestamp: str, nonce: str, random: bytes) -> Json:
        """Return a signed message; ``random`` is 16 bytes."""
        content = message.encode()
        plain = random + len(content).to_bytes(LENGTH_BYTES, "big") + content + self._owners[0]
        pad = BLOCK_BYTES - len(plain) % BLOCK_BYTES
        encryptor = Cipher(algorithms.AES(self._key), modes.CBC(self._key[:RANDOM_BYTES])).encryptor()
        data = encryptor.update(plain + bytes([pad]) * pad) + encryptor.finalize()
        encrypted = base64.b64encode(data).decode()
        return {
            "msg_signature": signature(self._token, timestamp, nonce, encrypted),
            "timeStamp": timestamp,
            "nonce": nonce,
            "encrypt": encrypted,
        }

    def decrypt(self, encrypted: str) -> bytes:
        """Return the message of an encrypted text, checked to be meant for us."""
        try:
            data = base64.b64decode("".join(encrypted.split()), validate=True)
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
        message, owner = content[LENGTH_BYTES : LENGTH_BYTES + length], content[LENGTH_BYTES + length :]
        if len(message) != length:
            raise _broken()
        if not any(hmac.compare_digest(owner, ours) for ours in self._owners):
            msg = "the callback is meant for another app; check client_id and the key"
            raise NotAllowed(msg)
        return message

    def _check(self, query: Mapping[str, str], encrypted: str, now_s: float) -> None:
        """Check the signature, which has one of two names, then the age."""
        timestamp = _one(query, "timestamp")
        wanted = signature(self._token, timestamp, _one(query, "nonce"), encrypted)
        given = [_one(query, "msg_signature"), _one(query, "signature")]
        fits = [hmac.compare_digest(wanted.encode(), value.encode("utf-8", "replace")) for value in given]
        if not encrypted or not any(fits):
            msg = "the signature does not fit: not from DingTalk, or another token is configured"
            raise NotAllowed(msg)
        if not (timestamp.isascii() and timestamp.isdigit()) or abs(now_s - _seconds(timestamp)) > STALE_S:
            msg = "the callback is too old, or the clocks of DingTalk and this machine differ"
            raise NotAllowed(msg)


def signature(token: str, timestamp: str, nonce: str, encrypted: str) -> str:
    """Return the SHA-1 of the four texts in byte order, as lower-case hex."""
    parts = sorted(value.encode() for value in (token, timestamp, nonce, encrypted))
    return hashlib.sha1(b"".join(parts), usedforsecurity=False).hexdigest()


def decode_key(aes_key: str) -> bytes:
    """Return the 32 bytes of an aes_key, whatever its last two spare bits are. Raises ValueError."""
    if len(aes_key) != KEY_CHARS or any(char not in _ALPHABET for char in aes_key):
        msg = f"callback_aes_key is not {KEY_CHARS} characters of base64"
        raise ValueError(msg)
    last = _ALPHABET.index(aes_key[-1]) // _SPARE_BITS * _SPARE_BITS
    return base64.b64decode(aes_key[:-1] + _ALPHABET[last] + "=")


# ---- Stream ----------------------------------------------------------------------------------------------


def open_body(client_id: str, client_secret: str, local_ip: str = "") -> Json:
    """Return the body of the call that opens a connection for all subscribed events."""
    body: Json = {
        "clientId": client_id,
        "clientSecret": client_secret,
        "subscriptions": [{"type": "EVENT", "topic": "*"}],
        "ua": "queqiao/1",
    }
    if local_ip:
        body["localIp"] = local_ip
    return body


def read_frame(written: str | bytes) -> Frame:
    """Read a frame; raises BadInput for anything that is none."""
    raw = written.encode() if isinstance(written, str) else written
    if len(raw) > BODY_BYTES_MAX:
        msg = "the frame is larger than any event"
        raise BadInput(msg)
    frame = parse(raw)
    # The protocol page's own sample calls them ``header``.
    headers = frame.get("headers") or frame.get("header")
    named: Json = headers if isinstance(headers, dict) else {}
    kind, data = text(frame, "type").upper(), text(frame, "data")
    notice = None
    if kind == "EVENT" or (kind != "SYSTEM" and _quota(frame)):
        payload = parse(data.encode()) if data.strip() else {}
        notice = read_payload({**named, **_quota(frame), **payload})
    return Frame(
        kind=kind, topic=text(named, "topic"), message_id=text(named, "messageId"), data=data, notice=notice
    )


def acknowledge(frame: Frame, *, later: bool = False) -> Json | None:
    """Return the answer to a frame, due within 3 seconds; None for a disconnect, which gets none.

    ``later``: we could not take it, it shall be sent again.
    """
    if frame.is_disconnect:
        return None
    if frame.is_ping:
        data = json.dumps({"opaque": text(parse(frame.data.encode()), "opaque")}, separators=(",", ":"))
    else:
        status = (
            {"status": "LATER", "message": "later"} if later else {"status": "SUCCESS", "message": "success"}
        )
        data = json.dumps(status, separators=(",", ":"))
    return {
        "code": 200,
        "headers": {"messageId": frame.message_id, "contentType": "application/json"},
        "message": "OK",
        "data": data,
    }


# ---- payloads --------------------------------------------------------------------------------------------


def read_payload(payload: Mapping[str, Any]) -> Notice:
    """Read an event whose keys are written in PascalCase or camelCase (reference 6.2)."""
    folded = {str(key).lower(): value for key, value in payload.items()}
    change = text(folded, "changetype").strip().lower()
    users = texts(folded, "unionidlist") or texts(folded, "userid")
    return Notice(
        event=text(folded, "eventtype"),
        event_id=text(folded, "calendareventid"),
        calendar_id=text(folded, "calendarid"),
        user_ids=tuple(dict.fromkeys(users)),
        change=_CHANGES.get(change, "updated"),
        updated_ms=number(folded, "calendareventupdatetime") or number(folded, "eventtime") or 0,
        push_id=text(folded, "eventid"),
        born=text(folded, "bizid") or text(folded, "eventborntime") or text(folded, "eventtime"),
        corp_id=text(folded, "corpid") or text(folded, "eventcorpid"),
        quota_spent=text(folded, "errcode") == QUOTA_CODE,
    )


_CHANGES: Final = {
    "create": "created",
    "created": "created",
    "cancel": "cancelled",
    "cancelled": "cancelled",
    "canceled": "cancelled",
    "delete": "cancelled",
    "deleted": "cancelled",
}


def parse(raw: bytes) -> Json:
    """Return a JSON object; raises BadInput for anything else."""
    try:
        value = json.loads(raw.decode())
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise _broken() from error
    if not isinstance(value, dict):
        raise _broken()
    return value


def _quota(frame: Json) -> Json:
    """Return ``errCode`` where it stands on the frame itself; which place it has is not documented."""
    return {key: value for key, value in frame.items() if key.lower() == "errcode"}


def _one(query: Mapping[str, str], name: str) -> str:
    """Return a query parameter, whatever the case of its name."""
    for key, value in query.items():
        if key.lower() == name:
            return value
    return ""


def _seconds(timestamp: str) -> float:
    """Return seconds since 1970 of a timestamp in seconds or milliseconds; samples show both."""
    value = float(timestamp[:20])
    return value / 1000 if value > MILLISECONDS_FROM else value


MILLISECONDS_FROM: Final = 10**11
"""Larger timestamps are milliseconds: as seconds they would lie beyond the year 5000."""


def _broken() -> BadInput:
    """Return the failure for bytes that are no push."""
    return BadInput("the push cannot be read; check callback_token and callback_aes_key")
