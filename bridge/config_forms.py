"""What the texts of the configuration must look like: each form checks one value and returns its normal form."""

from __future__ import annotations

import base64
import binascii
import difflib
import functools
import importlib.util
import ipaddress
import re
import zoneinfo
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit, urlunsplit

from bridge.config import split_listen

URL_CHARS_MAX: Final = 2000
"""Characters of a URL: what every browser and proxy still takes."""
AES_KEY_CHARS: Final = 43
"""Length of an EncodingAESKey: 32 bytes in base64 without the padding (both vendors)."""
_SLUG: Final = re.compile(r"[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?")
_DOMAIN: Final = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]")
_DEFAULT_PORTS: Final[Mapping[str, int]] = {"http": 80, "https": 443}


class Wrong(Exception):
    """A value that cannot be meant."""

    def __init__(self, reason: str, cure: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.cure = cure


Form: TypeAlias = Callable[[Any, Path], Any]
"""Value and the configuration file's directory in, normal form out; raises :class:`Wrong`."""


def nearest(word: str, known: list[str]) -> str:
    """Return the known word that a misspelt one most likely means, or an empty string."""
    folded = {name.lower().replace("-", "_"): name for name in known}
    found = difflib.get_close_matches(word.lower().replace("-", "_"), list(folded), n=1, cutoff=0.6)
    return folded[found[0]] if found else ""


def is_there(path: Path) -> bool:
    """Return whether something is at a path; what this user may not look at counts as there."""
    try:
        return path.exists()
    except OSError:
        return True


def is_folder(path: Path) -> bool:
    """Return whether a path is a directory that this user can see."""
    try:
        return path.is_dir()
    except OSError:
        return False


def has_control(value: object) -> bool:
    """Return whether a text, or one of a list, holds a control character: nobody types one on purpose."""
    texts = value if isinstance(value, tuple) else (value,)
    return any(ord(char) < 32 or ord(char) == 127 for text in texts if isinstance(text, str) for char in text)


def collide(one: str, other: str) -> bool:
    """Return whether two checked ``HOST:PORT`` cannot both be listened on: a wildcard covers every address."""
    (host, port), (other_host, other_port) = split_listen(one), split_listen(other)
    if port != other_port or port == 0:
        return False
    return host == other_host or not {host, other_host}.isdisjoint({"0.0.0.0", "::"})  # noqa: S104  - compared


def workdays(value: str, _base: Path) -> str:
    """Check the path of newer data of working days, or nothing; what stands in the file is read by the pages."""
    cure = "write the absolute path of a file like bridge/ical/china.toml, or leave it empty"
    if not value:
        return ""
    path = Path(value)
    if not path.is_absolute():
        msg = "it is no absolute path"
        raise Wrong(msg, cure)
    if not is_there(path):
        msg = f"there is no file {path}"
        raise Wrong(msg, cure)
    if is_folder(path):
        msg = f"{path} is a directory"
        raise Wrong(msg, cure)
    return value


def listen(value: str, _base: Path) -> str:
    """Check ``HOST:PORT``."""
    try:
        split_listen(value)
    except ValueError as error:
        raise Wrong(str(error), "write it like 127.0.0.1:5232 or [::1]:5232") from None
    return value


def url(value: str, _base: Path) -> str:
    """Check an absolute http(s) URL without query; returns it without trailing slash and default port."""
    cure = "write it like https://cal.example.com or https://example.com/calendar"
    if len(value) > URL_CHARS_MAX or any(char.isspace() or not char.isprintable() for char in value):
        msg = "it holds blanks or is too long for a URL"
        raise Wrong(msg, cure)
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        msg = "it is not a URL: the host or port cannot be read"
        raise Wrong(msg, cure) from None
    if parts.scheme.lower() not in _DEFAULT_PORTS or not parts.hostname:
        msg = "it is not a URL that begins with https:// or http:// and a host"
        raise Wrong(msg, cure)
    if parts.username is not None or parts.password is not None:
        msg = "it carries a user name or password"
        raise Wrong(msg, "leave out everything before the @")
    if parts.query or parts.fragment or value.endswith(("?", "#")):
        msg = "it carries a query or fragment"
        raise Wrong(msg, "leave out everything from the ? or # on")
    scheme = parts.scheme.lower()
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    netloc = host if port in {None, _DEFAULT_PORTS[scheme]} else f"{host}:{port}"
    path = re.sub(r"/{2,}", "/", parts.path).rstrip("/")
    if any(segment in {".", ".."} for segment in path.split("/")):
        msg = "its path holds . or .."
        raise Wrong(msg, cure)
    return urlunsplit((scheme, netloc, path, "", ""))


def optional_url(value: str, base: Path) -> str:
    """Check a URL or nothing."""
    return url(value, base) if value else ""


def networks(value: tuple[str, ...], _base: Path) -> tuple[str, ...]:
    """Check addresses and networks."""
    for text in value:
        try:
            ipaddress.ip_network(text, strict=False)
        except ValueError:
            cure = "write addresses or networks, like 127.0.0.1, 10.0.0.0/8 or ::1"
            msg = f"{text!r:.80} is no address or network"
            raise Wrong(msg, cure) from None
    return value


@functools.cache
def _zones() -> frozenset[str]:
    """Return the names of all time zones; the list is a walk through a thousand files."""
    return frozenset(zoneinfo.available_timezones())


def timezone(value: str, _base: Path) -> str:
    """Check the name of an IANA time zone."""
    known = _zones()
    if value in known:
        return value
    near = nearest(value, sorted(known))
    cure = f"did you mean {near}?" if near else "write a name of the IANA list, like Asia/Shanghai"
    msg = f"there is no time zone {value!r:.60}"
    raise Wrong(msg, cure)


def domain(value: str, _base: Path) -> str:
    """Check a mail domain, or nothing."""
    folded = value.lower()
    if folded and not (len(folded) <= 253 and _DOMAIN.fullmatch(folded)):
        msg = "it is no mail domain"
        raise Wrong(msg, "write it like staff.example.com, without an @")
    return folded


def slug(value: str, _base: Path) -> str:
    """Check a name that may stand in URLs and commands."""
    if _SLUG.fullmatch(value):
        return value
    proposal = re.sub(r"[^a-z0-9_-]+", "-", value.lower()).strip("-_")[:32]
    cure = f"write {proposal!r}, for instance" if proposal else "write a short name like 'wecom'"
    msg = "it may hold only a-z, 0-9, - and _, and begins and ends with a letter or digit"
    raise Wrong(msg, cure)


def aes_key(value: str, _base: Path) -> str:
    """Check an EncodingAESKey: 43 characters of base64. Never says anything of the value."""
    cure = "copy the EncodingAESKey from the vendor's console: 43 letters and digits"
    if value and len(value) != AES_KEY_CHARS:
        msg = f"it has {len(value)} characters instead of {AES_KEY_CHARS}"
        raise Wrong(msg, cure)
    try:
        base64.b64decode(value + "=", validate=True) if value else b""
    except (binascii.Error, ValueError):
        msg = "it is not base64"
        raise Wrong(msg, cure) from None
    return value


def database(value: str, base: Path) -> str:
    """Check the database; returns SQLAlchemy's URL with an absolute path or the psycopg driver.

    ``sqlite:////var/lib/x.db`` (four slashes) is absolute. With three slashes the path is taken from the
    configuration file's directory, except that a path beginning with ``var/`` means ``/var/``: nobody keeps
    a database in a folder ``var`` beside ``/etc/queqiao/config.toml`` and calls it that way.
    """
    cure = "write sqlite:////var/lib/queqiao/queqiao.db or postgresql+psycopg://user:password@host/name"
    scheme, separator, rest = value.partition("://")
    if not separator:
        msg = "it is no database URL"
        raise Wrong(msg, cure)
    scheme = scheme.lower()
    if scheme in {"sqlite", "sqlite+pysqlite"}:
        return _sqlite(rest, base, cure)
    if scheme in {"postgresql", "postgres", "postgresql+psycopg"}:
        if importlib.util.find_spec("psycopg") is None:
            msg = "the PostgreSQL driver is not installed"
            raise Wrong(msg, "pip install 'queqiao[postgres]'")
        try:
            parts = urlsplit(f"postgresql://{rest}")
            _ = parts.port
        except ValueError:
            msg = "host or port cannot be read"
            raise Wrong(msg, cure) from None
        if not parts.path.strip("/"):
            msg = "the name of the database is missing"
            raise Wrong(msg, cure)
        return f"postgresql+psycopg://{rest}"
    msg = "only SQLite and PostgreSQL are supported"
    raise Wrong(msg, cure)


def _sqlite(rest: str, base: Path, cure: str) -> str:
    """Return the absolute form of what stands after ``sqlite://``."""
    path_text, question, query = rest.partition("?")
    if not path_text.startswith("/") or path_text == "/":
        msg = "a SQLite URL needs a file"
        raise Wrong(msg, cure)
    path_text = path_text[1:]
    if path_text == ":memory:":
        msg = "a database in memory forgets every edit at a restart"
        raise Wrong(msg, cure)
    path = Path(path_text)
    if not path.is_absolute():
        path = Path("/") / path if path_text.startswith("var/") else base.absolute() / path
    if path.is_dir():
        msg = "it names a directory"
        raise Wrong(msg, cure)
    return f"sqlite:///{path}{question}{query}"


FORMS: Final[Mapping[str, Form]] = {
    "aes_key": aes_key,
    "database": database,
    "domain": domain,
    "listen": listen,
    "networks": networks,
    "optional_url": optional_url,
    "slug": slug,
    "timezone": timezone,
    "url": url,
    "workdays": workdays,
}
"""Names used in ``config.py``."""
