"""Content lines and components, byte for byte (RFC 5545 section 3.1).

``write(read(text)) == text`` for every text that :func:`read` accepts: folding, line ends, blank lines and the
case of names are kept in ``Line.raw``. Only what is changed is ever written anew.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from bridge.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

TEXT_BYTES_MAX: Final = 1_000_000
"""Longest calendar object, in bytes of UTF-8. Our own bound: a meeting with attachments inside is far below."""

DEPTH_MAX: Final = 8
"""Deepest nesting. VCALENDAR/VEVENT/VALARM is 3; RFC 9073 adds two more."""

LINES_MAX: Final = 50_000
"""Most physical lines in one text. Our own bound, from the byte bound and an average of 20 bytes per line."""

FOLD_OCTETS: Final = 75
"""Longest physical line we write, in octets without the line end (RFC 5545 section 3.1)."""

BOM: Final = "\ufeff"

Params: TypeAlias = tuple[tuple[str, tuple[str, ...]], ...]
"""Upper-cased parameter names, each with its values: unquoted and RFC 6868 decoded."""

_TIMES: Final = frozenset({"DTSTART", "DTEND", "RECURRENCE-ID", "EXDATE", "RDATE"})
_NAME = re.compile(r"[A-Za-z0-9_./-]+")
_PHYSICAL = re.compile(r"[^\n]*\n|[^\n]+")
_PHYSICAL_CR = re.compile(r"[^\r]*\r|[^\r]+")
_PARAM = re.compile(r';([^\s=;:",]+)(?:=((?:"[^"]*"|[^;:"])*))?')
_VALUES = re.compile(r'(?:"[^"]*"|[^,"])+')
_CARET = re.compile(r"\^([n'^])")
_NEEDS_QUOTES = re.compile(r"[,;:]")
_UNQUOTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class Line(NamedTuple):
    """One content line."""

    raw: str
    """Everything, as it came: folding, line end, and the blank lines that follow it."""
    name: str
    """Property name, upper-cased."""
    head: str
    """Name and parameters as written, unfolded, up to but without the colon."""
    params: Params
    value: str
    """After the colon, unfolded; escapes are still in it."""
    number: int = 0
    """Number of its first physical line in the text, from 1; 0 for a line that we made."""

    def param(self, name: str) -> str | None:
        """Return the value of a parameter (several joined by commas), or None."""
        for key, values in self.params:
            if key == name:
                return ",".join(values)
        return None

    @property
    def eol(self) -> str:
        """Return the line end in use: CRLF, LF or CR."""
        for eol in ("\r\n", "\n", "\r"):
            if eol in self.raw:
                return eol
        return "\r\n"

    def with_value(self, value: str) -> Line:
        """Return the same property with the same parameters and another (escaped) value."""
        return _made(self.head, self.name, self.params, value, self.eol)

    def param_piece(self, name: str) -> str | None:
        """Return a parameter as written, ``NAME=value`` with its quotes, or None."""
        for piece in _head_pieces(self.head)[1:]:
            if piece.partition("=")[0].upper() == name:
                return piece
        return None

    def with_param(self, name: str, value: str | None, *, like: Line | None = None) -> Line:
        """Return the same property with one parameter set, or removed by None; the others stay as written.

        With ``like`` the parameter is written as it stands in that line.
        """
        pieces = _head_pieces(self.head)
        mine = None if value is None else f"{name}={quote_param(value)}"
        if like is not None:
            mine = like.param_piece(name)
        out = [pieces[0]]
        for piece in pieces[1:]:
            if piece.partition("=")[0].upper() != name:
                out.append(piece)
            elif mine is not None:
                out.append(mine)
                mine = None
        if mine is not None:
            out.append(mine)
        head = ";".join(out)
        params = tuple((key, values) for key, values in _params(";".join(["", *out[1:]])))
        return _made(head, self.name, params, self.value, self.eol)


@dataclass(frozen=True, slots=True)
class Component:
    """A component with everything inside it, in order."""

    name: str
    """Upper-cased: ``VEVENT``."""
    begin: Line
    children: tuple[Line | Component, ...]
    end: Line

    def lines(self, name: str) -> list[Line]:
        """Return the properties of that (upper-cased) name, in order."""
        return [child for child in self.children if isinstance(child, Line) and child.name == name]

    def first(self, name: str) -> Line | None:
        """Return the first property of that name, or None."""
        for child in self.children:
            if isinstance(child, Line) and child.name == name:
                return child
        return None

    def components(self, *names: str) -> list[Component]:
        """Return the direct sub-components of those names (all without a name), in order."""
        return [
            child
            for child in self.children
            if isinstance(child, Component) and (not names or child.name in names)
        ]

    def with_children(self, children: Iterable[Line | Component]) -> Component:
        """Return the same component with other contents."""
        return Component(self.name, self.begin, tuple(children), self.end)


def read(text: str, *, max_bytes: int = TEXT_BYTES_MAX) -> Component:
    """Return the one outermost component of ``text``; ``text`` may begin with a byte order mark.

    LF, CRLF and CR line ends and blank lines are accepted, also mixed. Raises BadInput for anything else than
    exactly one well-nested component, and (status 413) when the text is longer than ``max_bytes``.
    """
    if len(text) > max_bytes or len(text.encode("utf-8", "surrogatepass")) > max_bytes:
        msg = f"The calendar data is longer than {max_bytes} bytes."
        raise BadInput(msg, precondition="C:max-resource-size", http_status=413)
    stack: list[tuple[Line, list[Line | Component]]] = []
    root: Component | None = None
    for raw, content, number in _logical(text):
        line = _parse_line(raw, content, number)
        if root is not None:
            msg = f"Line {number} comes after the end of the calendar; send one calendar only."
            raise BadInput(msg)
        if line.name == "BEGIN":
            if len(stack) >= DEPTH_MAX:
                msg = f"Line {number}: components are nested more than {DEPTH_MAX} deep."
                raise BadInput(msg)
            stack.append((line, []))
        elif not stack:
            msg = f"Line {number} is outside of any component; a calendar begins with BEGIN:VCALENDAR."
            raise BadInput(msg)
        elif line.name == "END":
            done = _closed(stack, line)
            if stack:
                stack[-1][1].append(done)
            else:
                root = done
        else:
            stack[-1][1].append(line)
    if root is None:
        what = f"{_component_name(stack[-1][0])} is never ended" if stack else "there is no component"
        msg = f"The calendar data is incomplete: {what}."
        raise BadInput(msg)
    return root


def write(component: Component) -> str:
    """Return the text of a component: the exact bytes of what was read, and lines that were made anew."""
    out: list[str] = []
    _collect(component, out)
    return "".join(out)


def make(name: str, value: str, params: Sequence[tuple[str, str]] = (), *, eol: str = "\r\n") -> Line:
    """Return a new, folded line. ``value`` is escaped already; parameter values are quoted as they need."""
    head = name + "".join(f";{key}={quote_param(text)}" for key, text in params)
    kept: Params = tuple((key.upper(), (text,)) for key, text in params)
    return _made(head, name.upper(), kept, value, eol)


def make_component(name: str, children: Iterable[Line | Component], *, eol: str = "\r\n") -> Component:
    """Return a new component around ``children``."""
    return Component(name, make("BEGIN", name, eol=eol), tuple(children), make("END", name, eol=eol))


def fold(content: str, eol: str = "\r\n") -> str:
    """Fold one content line at 75 octets without cutting a UTF-8 sequence; ends with ``eol``."""
    if len(content) <= FOLD_OCTETS // 4:
        return content + eol
    data = content.encode()
    if len(data) <= FOLD_OCTETS:
        return content + eol
    parts: list[str] = []
    position, room = 0, FOLD_OCTETS
    while position < len(data):
        cut = min(position + room, len(data))
        while cut < len(data) and data[cut] & 0xC0 == 0x80:  # 10xxxxxx continues a character
            cut -= 1
        parts.append(data[position:cut].decode())
        position, room = cut, FOLD_OCTETS - 1  # the blank that marks a continuation counts
    return (eol + " ").join(parts) + eol


def quote_param(text: str) -> str:
    """Return a parameter value as it is written: RFC 6868 carets, quotes where RFC 5545 needs them."""
    text = _UNQUOTABLE.sub("", text.replace("\r\n", "\n"))
    text = text.replace("^", "^^").replace("\n", "^n").replace('"', "^'")
    return f'"{text}"' if _NEEDS_QUOTES.search(text) else text


def _made(head: str, name: str, params: Params, value: str, eol: str) -> Line:
    return Line(fold(f"{head}:{value}", eol), name, head, params, value)


def _collect(component: Component, out: list[str]) -> None:
    out.append(component.begin.raw)
    for child in component.children:
        if isinstance(child, Line):
            out.append(child.raw)
        else:
            _collect(child, out)
    out.append(component.end.raw)


def _component_name(line: Line) -> str:
    return line.value.strip().upper()


def _closed(stack: list[tuple[Line, list[Line | Component]]], end: Line) -> Component:
    begin, children = stack.pop()
    name = _component_name(begin)
    if _component_name(end) != name:
        msg = f"Line {end.number} ends another component than the one that began on line {begin.number}."
        raise BadInput(msg)
    return Component(name, begin, tuple(children), end)


def _logical(text: str) -> Iterator[tuple[str, str, int]]:
    """Yield (raw, unfolded content, number of the first physical line) for each content line."""
    pattern = _PHYSICAL_CR if "\n" not in text else _PHYSICAL
    raws: list[str] = []
    parts: list[str] = []
    first = 0
    for number, physical in enumerate(pattern.findall(text), 1):
        if number > LINES_MAX:
            msg = f"The calendar data has more than {LINES_MAX} lines."
            raise BadInput(msg)
        bare = physical.rstrip("\r\n")
        if first and bare[:1] in {" ", "\t"}:
            parts.append(bare[1:])
        elif bare.strip(" \t" + BOM):
            if first:
                yield "".join(raws), "".join(parts), first
                raws = []
            parts, first = [bare.lstrip(BOM) if number == 1 else bare], number
        raws.append(physical)  # blank lines stay with the line before them, leading ones with the first
    if first:
        yield "".join(raws), "".join(parts), first


def _parse_line(raw: str, content: str, number: int) -> Line:
    match = _NAME.match(content)
    if match is not None:
        name = match.group()
        end = match.end()
        following = content[end : end + 1]
        if following == ":":
            return Line(raw, name.upper(), name, (), content[end + 1 :], number)
        if following == ";":
            colon = _colon(content, end)
            if name.upper() in _TIMES and '"' not in content:
                colon = content.rfind(":")  # Outlook's TZID=tzone://Microsoft/Utc: a time itself has no colon
            if colon > 0:
                return Line(
                    raw,
                    name.upper(),
                    content[:colon],
                    _params(content[end:colon]),
                    content[colon + 1 :],
                    number,
                )
    msg = f"Line {number} is not a property: a name, a colon and a value are expected."
    raise BadInput(msg)


def _colon(content: str, start: int) -> int:
    """Return where the value's colon is, outside of quotes; -1 if there is none."""
    plain = content.find(":", start)
    quote = content.find('"', start)
    if quote < 0 or plain < quote:
        return plain
    position = start
    while position < len(content):
        char = content[position]
        if char == '"':
            closing = content.find('"', position + 1)
            if closing < 0:
                return plain  # a quote that is never closed is an ordinary character
            position = closing
        elif char == ":":
            return position
        position += 1
    return plain


def _params(text: str) -> Params:
    """Parse ``;NAME=value,value;NAME=…``; what is no parameter is passed over (it stays in ``raw``)."""
    if text.count('"') % 2:
        text = text.replace('"', "")  # a quote that is never closed says nothing
    if '"' not in text and "^" not in text:
        out = []
        for piece in text.split(";")[1:]:
            key, _, values = piece.partition("=")
            out.append((key.strip().upper(), tuple(values.split(","))))
        return tuple(out)
    return tuple(
        (
            match.group(1).upper(),
            tuple(_bare(value) for value in _VALUES.findall(match.group(2) or "")) or ("",),
        )
        for match in _PARAM.finditer(text)
    )


def _bare(value: str) -> str:
    value = value.strip()
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = value[1:-1]
    if "^" in value:
        value = _CARET.sub(lambda match: {"n": "\n", "'": '"', "^": "^"}[match.group(1)], value)
    return value


def _head_pieces(head: str) -> list[str]:
    """Split a head at the semicolons outside of quotes."""
    if '"' not in head:
        return head.split(";")
    pieces: list[str] = []
    start, quoted = 0, False
    for position, char in enumerate(head):
        if char == '"':
            quoted = not quoted
        elif char == ";" and not quoted:
            pieces.append(head[start:position])
            start = position + 1
    pieces.append(head[start:])
    return pieces
