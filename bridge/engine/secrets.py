"""App passwords and feed addresses: generated here, shown once, kept as keyed hashes."""

from __future__ import annotations

import hashlib
import hmac
import secrets

PASSWORD_BYTES = 20
"""160 random bits; product promise: at least 128."""
ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
"""32 signs that nobody confuses when typing: 5 bits each."""
GROUP = 4


def new_password() -> str:
    """Return a password in groups of four, easy to type, 160 bits."""
    number = int.from_bytes(secrets.token_bytes(PASSWORD_BYTES))
    signs = [ALPHABET[(number >> (5 * index)) & 31] for index in range(PASSWORD_BYTES * 8 // 5)]
    return "-".join("".join(signs[i : i + GROUP]) for i in range(0, len(signs), GROUP))


def new_token() -> str:
    """Return the secret part of a feed address: 256 bits, safe in a URL."""
    return secrets.token_urlsafe(32)


def keyed_hash(pepper: bytes, kind: str, value: str) -> str:
    """Return the stored form: HMAC-SHA-256. No slow hash is needed for what has 128 bits or more."""
    return hmac.new(pepper, f"{kind}:{value}".encode(), hashlib.sha256).hexdigest()


def normal(password: str) -> str:
    """Forgive how people copy passwords: blanks around, upper case, missing or extra dashes."""
    return "".join(sign for sign in password.strip().lower() if sign not in "- ")
