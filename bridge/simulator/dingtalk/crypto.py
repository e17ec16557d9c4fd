"""The envelope of HTTP callbacks (reference section 6.3), written independently of the bridge."""

from __future__ import annotations

import base64
import hashlib
import struct
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

BLOCK: Final = 32
"""Bytes to which the plaintext is padded; twice the cipher's own block."""

AES_KEY_LENGTH: Final = 43
"""Characters of an aes_key."""


def key_bytes(aes_key: str) -> bytes:
    """Return the 32 bytes of an ``aes_key``; raise ValueError if it is not one.

    The two unused bits of the last character are ignored, as the vendor's own keys need it.
    """
    if len(aes_key) != AES_KEY_LENGTH or not (aes_key.isascii() and aes_key.isalnum()):
        msg = "aes_key must be 43 letters and digits"
        raise ValueError(msg)
    return base64.b64decode(aes_key + "=")


def encrypt(message: str, *, aes_key: str, owner: str, random: bytes) -> str:
    """Return the base64 text of ``message``; ``random`` is 16 bytes."""
    key = key_bytes(aes_key)
    text = message.encode()
    plain = random + struct.pack(">I", len(text)) + text + owner.encode()
    pad = BLOCK - len(plain) % BLOCK
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    sealed = encryptor.update(plain + bytes([pad]) * pad) + encryptor.finalize()
    return base64.b64encode(sealed).decode()


def decrypt(sealed: str, *, aes_key: str) -> tuple[str, str]:
    """Return message and owner key; raise ValueError for anything malformed."""
    key = key_bytes(aes_key)
    raw = base64.b64decode(sealed, validate=True)
    if not raw or len(raw) % 16:
        msg = "encrypted text has the wrong length"
        raise ValueError(msg)
    decryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).decryptor()
    plain = decryptor.update(raw) + decryptor.finalize()
    pad = plain[-1]
    if not 1 <= pad <= BLOCK or plain[-pad:] != bytes([pad]) * pad:
        msg = "padding is wrong"
        raise ValueError(msg)
    body = plain[:-pad]
    length = struct.unpack(">I", body[16:20])[0]
    if 20 + length > len(body):
        msg = "length is wrong"
        raise ValueError(msg)
    return body[20 : 20 + length].decode(), body[20 + length :].decode()


def sign(token: str, timestamp: str, nonce: str, sealed: str) -> str:
    """Return the signature of an envelope."""
    parts = sorted(part.encode() for part in (token, timestamp, nonce, sealed))
    return hashlib.sha1(b"".join(parts), usedforsecurity=False).hexdigest()
