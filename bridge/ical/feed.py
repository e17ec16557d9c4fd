"""Many calendar objects as one subscribable calendar (RFC 5545; RFC 7986 REFRESH-INTERVAL; MS-OXCICAL X-WR-, TTL).

A subscriber gets one VCALENDAR with CRLF line ends in which each TZID means one thing: a zone of the IANA database
is defined by us, once; a custom one as the client defined it, under another name if that name is taken.
"""

from __future__ import annotations

import datetime as dt
import html
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from bridge.errors import BridgeError
from bridge.ical import lines, values, zones
from bridge.ical.lines import Component, Line, make, make_component
from bridge.ical.vevent import zone_key
from bridge.ical.write import PRODID

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Detail: TypeAlias = Literal["full", "title", "busy"]

YEARS: Final[zones.Years] = (1970, 2037)
"""Years that the zones of a feed are right for; rules without an end go on."""

BUSY: Final = "Busy"
"""SUMMARY of everything in a ``busy`` feed."""

_EOL: Final = "\r\n"
_NEVER: Final = "19700101T000000Z"
"""DTSTAMP where a client sent none: RFC 5545 demands one, and a feed must not change without a change."""

_TIMES: Final = frozenset(
    {"UID", "DTSTAMP", "DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "EXRULE", "RECURRENCE-ID"}
)
_SHORT: Final = _TIMES | {"SUMMARY", "STATUS", "TRANSP", "SEQUENCE"}
_TIME_PARAMS: Final = frozenset({"TZID", "VALUE", "RANGE"})


def feed(
    texts: Iterable[str], *, name: str, detail: Detail, ttl_minutes: int, zone: str = ""
) -> Iterator[str]:
    """Yield the parts of one calendar called ``name`` from the texts of its objects.

    ``full`` is the events as they are, with the link of a meeting as the last line of the text. ``title`` keeps title,
    time, recurrence, status and transparency, ``busy`` only time and recurrence: no alarms, no people, no words. What
    takes no time (TRANSPARENT, CANCELLED) is left out of ``busy``. ``ttl_minutes`` tells subscribers when to ask again,
    ``zone`` (an IANA name) in which zone floating times are meant.
    A text that is no calendar is passed over.
    """
    duration = values.duration_text(ttl_minutes * 60)
    title = values.escape(name)
    yield f"BEGIN:VCALENDAR{_EOL}VERSION:2.0{_EOL}"
    head = [
        make("PRODID", PRODID),
        make("CALSCALE", "GREGORIAN"),
        make("METHOD", "PUBLISH"),
        make("NAME", title),
        make("X-WR-CALNAME", title),
        *([make("X-WR-TIMEZONE", zone)] if zone else []),
        make("REFRESH-INTERVAL", duration, [("VALUE", "DURATION")]),
        make("X-PUBLISHED-TTL", duration),
    ]
    yield "".join(line.raw for line in head)
    names = _Names()
    for text in texts:
        try:
            tree = lines.read(text, max_bytes=4 * lines.TEXT_BYTES_MAX)
        except BridgeError:
            continue  # one unreadable object must not take the whole feed away
        events = [_reduced(event, detail) for event in _shown(tree.components("VEVENT"), detail)]
        if not events:
            continue
        definitions, renamed = names.admit(tree, events)
        yield definitions + "".join(_crlf(lines.write(_renamed(event, renamed))) for event in events)
    yield f"END:VCALENDAR{_EOL}"


class _Names:
    """Which TZIDs the feed has defined so far, and how."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def admit(self, tree: Component, events: list[Component]) -> tuple[str, dict[str, str]]:
        """Return the VTIMEZONEs that are still missing, and the TZIDs that must be called otherwise."""
        own: dict[str, Component] = {}
        for component in tree.components("VTIMEZONE"):
            line = component.first("TZID")
            if line is not None:
                own.setdefault(zone_key(line.value), component)
        out: list[str] = []
        renamed: dict[str, str] = {}
        for tzid in _used(events):
            written = self._definition(tzid, own.get(zone_key(tzid)))
            if written is None:
                continue
            final, text = written
            if final != tzid:
                renamed[tzid] = final
            if final not in self._known:
                self._known[final] = text
                out.append(text)
        return "".join(out), renamed

    def _definition(self, tzid: str, own: Component | None) -> tuple[str, str] | None:
        """Return (the TZID to use, its VTIMEZONE); None if nobody defines it."""
        zone = zones.by_name(tzid)
        if zone is not None:
            name = tzid if zone is dt.UTC else zones.zone_name(zone)
            if name == tzid or own is None:
                return name, zones.vtimezone_for(name, *YEARS)
        if own is None:
            return None
        text = _crlf(lines.write(own))
        final, number = tzid, 1
        while self._known.get(final, text) != text:  # ends: each name that is taken is passed once
            number += 1
            final = f"{tzid} {number}"
            line = own.first("TZID")
            named = line.with_value(values.escape(final)) if line is not None else None
            text = _crlf(
                lines.write(
                    own.with_children([named if named and child is line else child for child in own.children])
                )
            )
        return final, text


def _used(events: list[Component]) -> list[str]:
    """Return the TZIDs that lines of these events name, in order of appearance."""
    found: dict[str, None] = {}
    for event in events:
        for child in event.children:
            if isinstance(child, Component):
                found.update(dict.fromkeys(_used([child])))
            elif child.params:
                tzid = child.param("TZID")
                if tzid:
                    found[tzid] = None
    return list(found)


def _renamed(component: Component, names: dict[str, str]) -> Component:
    if not names:
        return component
    children: list[Line | Component] = []
    for child in component.children:
        if isinstance(child, Component):
            children.append(_renamed(child, names))
        else:
            tzid = child.param("TZID")
            children.append(child.with_param("TZID", names[tzid]) if tzid in names else child)
    return component.with_children(children)


def _shown(events: list[Component], detail: Detail) -> list[Component]:
    """Return the events to show: for ``busy`` none of an object that takes no time at all."""
    if detail == "busy" and all(_is_free(event) for event in events):
        return []
    return events


def _is_free(event: Component) -> bool:
    return any(
        line is not None and line.value.strip().upper() == value
        for line, value in ((event.first("TRANSP"), "TRANSPARENT"), (event.first("STATUS"), "CANCELLED"))
    )


def _reduced(event: Component, detail: Detail) -> Component:
    """Return an event with as much as ``detail`` allows, and with a DTSTAMP."""
    if detail == "full":
        children = _told_in_words(event)
    elif detail == "title":
        children = [_plain(line) for line in event.children if isinstance(line, Line) and line.name in _SHORT]
    else:
        kept = _TIMES | ({"TRANSP", "STATUS"} if _is_free(event) else frozenset())
        children = [_plain(line) for line in event.children if isinstance(line, Line) and line.name in kept]
        children.append(make("SUMMARY", BUSY))
    if event.first("DTSTAMP") is None:
        children.insert(0, make("DTSTAMP", _NEVER))
    return make_component("VEVENT", children)


def _told_in_words(event: Component) -> list[Line | Component]:
    """Return the lines of an event with the links of CONFERENCE in the text too.

    Outlook and Google show neither URL nor CONFERENCE of a subscribed calendar; nothing leads back from a feed.
    """
    links = [line.value.strip() for line in event.lines("CONFERENCE")]
    line = event.first("DESCRIPTION")
    words = "" if line is None else values.unescape(line.value)
    links = [link for link in dict.fromkeys(links) if link and link not in words]
    if not links:
        return list(event.children)
    told = values.escape("\n".join([*([words] if words else []), *links]))
    children = [
        line.with_value(told) if line is not None and child is line else child for child in event.children
    ]
    if line is None:
        at = next((i for i, child in enumerate(children) if isinstance(child, Component)), len(children))
        children.insert(at, make("DESCRIPTION", told))
    return [_with_links(child, links) for child in children]


def _with_links(child: Line | Component, links: list[str]) -> Line | Component:
    """Return a line; the formatted text, which Outlook prefers, with the links as well."""
    if not isinstance(child, Line) or child.name != "X-ALT-DESC":
        return child
    if (child.param("FMTTYPE") or "").lower() != "text/html":
        return child
    added = "".join(f'<p><a href="{html.escape(link)}">{html.escape(link)}</a></p>' for link in links)
    text = values.unescape(child.value)
    place = text.lower().rfind("</body>")
    place = len(text) if place < 0 else place
    return child.with_value(values.escape(text[:place] + added + text[place:]))


def _plain(line: Line) -> Line:
    """Return a line with only the parameters that say when; others may carry words or addresses."""
    if all(name in _TIME_PARAMS for name, _ in line.params):
        return line
    params = [(name, ",".join(texts)) for name, texts in line.params if name in _TIME_PARAMS]
    return make(line.name, line.value, params)


def _crlf(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", _EOL)
