"""WebDAV's XML, both ways: requests are parsed safely, answers are joined from strings.

Names of properties travel as Radicale writes them: ``D:displayname`` for the namespaces of :data:`NAMESPACES`,
``{uri}local`` for all others. Joining strings instead of building a tree is what makes a listing of ten
thousand objects cheap (about 4 µs per object against 60).
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from defusedxml.common import DefusedXmlException
from radicale.app import base

from bridge.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_defused: Final = base.DefusedET  # type: ignore[attr-defined]  # Radicale mends what its import does to ElementTree

NAMESPACES: Final = {
    "D": "DAV:",
    "C": "urn:ietf:params:xml:ns:caldav",
    "CS": "http://calendarserver.org/ns/",
    "ICAL": "http://apple.com/ns/ical/",
    "CR": "urn:ietf:params:xml:ns:carddav",
    "ME": "http://me.com/_namespace/",
    "RADICALE": "http://radicale.org/ns/",
    "Q": "urn:queqiao",
}
"""Prefix -> namespace; the first seven as in Radicale, whose property names the database keeps."""
_PREFIXES: Final = {uri: prefix for prefix, uri in NAMESPACES.items()}
_DECLARED: Final = "".join(
    f' xmlns:{prefix}="{NAMESPACES[prefix]}"' for prefix in ("D", "C", "CS", "ICAL", "ME", "Q")
)
_DECLARED_PREFIXES: Final = frozenset({"D", "C", "CS", "ICAL", "ME", "Q"})
HEAD: Final = '<?xml version="1.0" encoding="utf-8"?>\n'
CONTENT_TYPE: Final = "application/xml; charset=utf-8"

DEPTH_MAX: Final = 60
"""Levels of a request's XML; the deepest honest one (a calendar-query on alarms) has twelve."""

_ILLEGAL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""Characters that XML 1.0 cannot carry; one of them would make a whole report unreadable."""
_CONTROL: Final = bytes(set(range(0x20)) - {0x09, 0x0A, 0x0D})
_NO_CHARACTERS: Final = ("\ufffe".encode(), "\uffff".encode())
_PLAIN: Final = re.compile(r"[A-Za-z0-9._~-]+")


def parse(body: bytes) -> ET.Element | None:
    """Return the root of a request body, None for an empty one.

    Raises Refused (400) for what is not well-formed, declares a document type or entities, or nests too deep.
    """
    if not body.strip():
        return None
    try:
        root: ET.Element = _defused.fromstring(body, forbid_dtd=True)
    except (ET.ParseError, DefusedXmlException, ValueError, LookupError) as error:
        msg = "The body is not well-formed XML."
        raise Refused(msg, http_status=400) from error
    level: list[ET.Element] = [root]
    for _ in range(DEPTH_MAX):
        level = [child for element in level for child in element]
        if not level:
            return root
    msg = "The body nests too many XML elements."
    raise Refused(msg, http_status=400)


def clark(name: str) -> str:
    """Return ``{uri}local`` for one of our names."""
    if name.startswith("{") or ":" not in name:
        return name
    prefix, local = name.split(":", 1)
    return f"{{{NAMESPACES[prefix]}}}{local}"


@lru_cache(maxsize=4096)
def human(tag: str) -> str:
    """Return our name of an element's tag: ``D:prop``, ``{uri}local``, or ``local`` without a namespace."""
    if not tag.startswith("{"):
        return tag
    uri, local = tag[1:].split("}", 1)
    prefix = _PREFIXES.get(uri)
    return f"{prefix}:{local}" if prefix else tag


def escape(text: str) -> str:
    """Return ``text`` as character data. A CR is written as a reference: parsers drop a bare one."""
    if "&" in text:
        text = text.replace("&", "&amp;")
    if "<" in text:
        text = text.replace("<", "&lt;")
    if ">" in text:
        text = text.replace(">", "&gt;")
    if "\r" in text:
        text = text.replace("\r", "&#13;")
    return text if _is_legal(text) else _ILLEGAL.sub("\ufffd", text)


def _is_legal(text: str) -> bool:
    """Return whether XML can carry every character; ten times as fast as asking the pattern."""
    try:
        raw = text.encode()
    except UnicodeEncodeError:  # a lone surrogate
        return False
    return len(raw.translate(None, _CONTROL)) == len(raw) and not any(one in raw for one in _NO_CHARACTERS)


def quote_segment(name: str) -> str:
    """Return a path segment as it stands in an href; names of the usual kind are left as they are."""
    return name if _PLAIN.fullmatch(name) else quote(name)


@lru_cache(maxsize=4096)
def _tag(name: str) -> tuple[str, str]:
    """Return the text inside the angle brackets of a start tag, and of an end tag."""
    if name.startswith("{"):
        uri, local = name[1:].split("}", 1)
        return f"X:{local} xmlns:X={quoteattr(uri)}", f"X:{local}"
    prefix, _, _local = name.partition(":")
    if _local and prefix not in _DECLARED_PREFIXES:
        return f"{name} xmlns:{prefix}={quoteattr(NAMESPACES[prefix])}", name
    return name, name


def element(name: str, inner: str = "") -> str:
    """Return an element with ready-made content."""
    start, end = _tag(name)
    return f"<{start}>{inner}</{end}>" if inner else f"<{start}/>"


def href(path: str) -> str:
    """Return a ``D:href`` of an unquoted path."""
    return f"<D:href>{escape(quote(path))}</D:href>"


def propstat(status: str, elements: Iterable[str], extra: str = "") -> str:
    """Return a ``D:propstat``; ``status`` is ``200 OK`` and the like, ``extra`` follows the status."""
    joined = "".join(elements)
    return f"<D:propstat><D:prop>{joined}</D:prop><D:status>HTTP/1.1 {status}</D:status>{extra}</D:propstat>"


def response(quoted_href: str, found: Sequence[str], missing: Sequence[str]) -> str:
    """Return a ``D:response`` with what was found and what was not (RFC 4918 section 14.24)."""
    parts = [f"<D:response><D:href>{quoted_href}</D:href>"]
    if found or not missing:
        parts.append(propstat("200 OK", found))
    if missing:
        parts.append(propstat("404 Not Found", missing))
    parts.append("</D:response>")
    return "".join(parts)


def gone(quoted_href: str) -> str:
    """Return a ``D:response`` of something that is not there."""
    return (
        f"<D:response><D:href>{quoted_href}</D:href><D:status>HTTP/1.1 404 Not Found</D:status></D:response>"
    )


def document(root: str, inner: Iterable[str]) -> bytes:
    """Return a whole document."""
    return f"{HEAD}<{root}{_DECLARED}>{''.join(inner)}</{root}>".encode()


def multistatus(responses: Iterable[str]) -> bytes:
    """Return a ``D:multistatus`` document."""
    return document("D:multistatus", responses)


def error(precondition: str | None, message: str, *, inside: str = "") -> bytes:
    """Return a ``D:error`` document: the precondition, if any, and the sentence for people (RFC 4918 16).

    ``inside`` is ready-made content of the precondition element. The sentence stands in an element of our own
    namespace and, for clients that show one, in ``D:responsedescription``.
    """
    parts = [element(precondition, inside)] if precondition else []
    if message:
        text = escape(message)
        parts.append(f"<Q:message>{text}</Q:message><D:responsedescription>{text}</D:responsedescription>")
    return document("D:error", parts)


def inner_xml(parent: ET.Element) -> str:
    """Return an element's content as XML that stands on its own."""
    texts = [escape(parent.text or "")]
    texts.extend(_standing(child) + escape(child.tail or "") for child in parent)
    return "".join(texts)


def _standing(node: ET.Element) -> str:
    """Return an element with its attributes, every namespace declared where it is used."""
    start, end = _tag(human(node.tag))
    prefix = end.partition(":")[0] if ":" in end else ""
    if prefix and "xmlns:" not in start:
        start = f"{start} xmlns:{prefix}={quoteattr(NAMESPACES[prefix])}"
    for index, (key, value) in enumerate(node.attrib.items()):
        if key.startswith("{"):
            uri, local = key[1:].split("}", 1)
            bound = "xml" if uri == "http://www.w3.org/XML/1998/namespace" else f"a{index}"
            declared = "" if bound == "xml" else f" xmlns:{bound}={quoteattr(uri)}"
            start = f"{start}{declared} {bound}:{local}={quoteattr(value)}"
        else:
            start = f"{start} {key}={quoteattr(value)}"
    inner = inner_xml(node)
    return f"<{start}>{inner}</{end}>" if inner else f"<{start}/>"
