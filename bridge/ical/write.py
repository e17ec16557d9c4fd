"""A calendar object as fresh, canonical text: for events that were born at a vendor.

Equal objects give equal bytes: properties stand in a fixed order, lines end with CRLF and are folded at 75 octets,
zones are defined once, in order of their names.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

from bridge.ical import lines, people, values, zones
from bridge.ical.lines import Component, Line, make, make_component
from bridge.ical.rules import rule_to_text
from bridge.model.event import Alarm, CalendarObject, Event, Status

if TYPE_CHECKING:
    from bridge.model.recurrence import Moment

PRODID: Final = "-//Queqiao//CalDAV bridge//EN"

EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def write(obj: CalendarObject, *, dtstamp_ms: int, prodid: str = PRODID) -> str:
    """Return the text of ``obj`` with CRLF line ends. ``dtstamp_ms`` (milliseconds since 1970) becomes DTSTAMP."""
    zone_names: dict[str, zones.Years] = {}
    components = [
        event_component(event, obj, dtstamp_ms=dtstamp_ms, zone_names=zone_names) for event in obj.events
    ]
    head = [
        make("VERSION", "2.0"),
        make("PRODID", values.escape(prodid)),
        make("CALSCALE", "GREGORIAN"),
    ]
    definitions = [lines.read(vtimezone_text(name, years)) for name, years in sorted(zone_names.items())]
    return lines.write(make_component("VCALENDAR", [*head, *definitions, *components]))


def event_component(
    event: Event,
    obj: CalendarObject,
    *,
    dtstamp_ms: int,
    zone_names: dict[str, zones.Years],
    eol: str = "\r\n",
) -> Component:
    """Return one VEVENT; the zones that it names are added to ``zone_names`` with the years they are needed for."""
    stamp = stamp_text(dtstamp_ms)
    written = _Writer(event, zone_names, eol)
    model = obj.master.start if obj.master is not None else None
    out: list[Line | Component] = [
        make("UID", values.clean(obj.uid).replace("\n", ""), eol=eol),
        make("DTSTAMP", stamp, eol=eol),
    ]
    if event.recurrence_id is not None:
        out.append(written.recurrence_id(event.recurrence_id, model))
    out.append(written.moment("DTSTART", event.start))
    out.append(written.moment("DTEND", event.end))
    out += [make("RRULE", rule_to_text(rule), eol=eol) for rule in event.recurrence.rules]
    out += [written.moment("RDATE", moment) for moment in event.recurrence.rdates]
    out += [written.moment("EXDATE", moment) for moment in event.recurrence.exdates]
    out += word_lines(event, eol=eol)
    if event.organizer is not None:
        out.append(people.organizer_line(event.organizer, eol=eol))
    out += [people.attendee_line(one, eol=eol) for one in event.attendees]
    out += [alarm_component(alarm, event.summary, eol=eol) for alarm in event.alarms]
    return make_component("VEVENT", out, eol=eol)


def word_lines(event: Event, *, eol: str = "\r\n") -> list[Line]:
    """Return SUMMARY, DESCRIPTION, X-ALT-DESC, LOCATION, URL and STATUS, each if there is something to say.

    A meeting's link stands in URL for the older clients and in CONFERENCE for those that offer to join.
    """
    out: list[Line] = []
    if event.summary:
        out.append(make("SUMMARY", values.escape(event.summary), eol=eol))
    if event.description:
        out.append(make("DESCRIPTION", values.escape(event.description), eol=eol))
    if event.rich_description:
        out.append(rich_line(event.rich_description, eol=eol))
    if event.location:
        out.append(make("LOCATION", values.escape(event.location), eol=eol))
    if event.url:
        out += [url_line(event.url, eol=eol), conference_line(event.url, eol=eol)]
    out += [conference_line(link, eol=eol) for link in event.conferences]
    if event.status is not Status.CONFIRMED:
        out.append(make("STATUS", event.status.value, eol=eol))
    return out


def rich_line(html: str, *, eol: str = "\r\n") -> Line:
    """Return X-ALT-DESC, the HTML form of the description as Outlook invented it."""
    return make("X-ALT-DESC", values.escape(html), [("FMTTYPE", "text/html")], eol=eol)


def url_line(url: str, *, eol: str = "\r\n") -> Line:
    """Return URL. A URI is no TEXT: nothing is escaped."""
    return make("URL", values.clean(url).replace("\r", "").replace("\n", ""), eol=eol)


def conference_line(url: str, *, eol: str = "\r\n") -> Line:
    """Return CONFERENCE (RFC 7986 5.11): a video meeting unless the link is a telephone number."""
    feature = "PHONE" if url.lower().startswith("tel:") else "VIDEO"
    return make("CONFERENCE", url_line(url).value, [("VALUE", "URI"), ("FEATURE", feature)], eol=eol)


def alarm_component(alarm: Alarm, summary: str, *, eol: str = "\r\n") -> Component:
    """Return a DISPLAY alarm; RFC 5545 3.6.6 wants a DESCRIPTION in it."""
    return make_component(
        "VALARM",
        [
            make("ACTION", "DISPLAY", eol=eol),
            make("TRIGGER", values.duration_text(-alarm.before_start_s, whole_days=True), eol=eol),
            make("DESCRIPTION", values.escape(summary) or "Reminder", eol=eol),
        ],
        eol=eol,
    )


def stamp_text(milliseconds: int) -> str:
    """Return milliseconds since 1970 as a DATE-TIME in UTC, whole seconds."""
    return values.utc_text(EPOCH + dt.timedelta(seconds=milliseconds // 1000))


def moment_line(name: str, moment: Moment, *, keep_zone: bool, eol: str = "\r\n") -> tuple[Line, str | None]:
    """Return a line for a time, and the name of the zone that must be defined (None: no zone is named).

    A wall time that happens twice and is meant the second time can only be written in UTC; so is a time of a fixed
    offset, unless ``keep_zone`` says that the zone matters (a series).
    """
    if not isinstance(moment, dt.datetime):
        return make(name, values.date_text(moment), [("VALUE", "DATE")], eol=eol), None
    zone = zones.zone_name(moment.tzinfo)
    is_fixed = isinstance(moment.tzinfo, dt.timezone)
    if zone == "UTC" or (is_fixed and not keep_zone) or is_second(moment):
        return make(name, values.utc_text(moment), eol=eol), None
    return make(name, values.local_text(moment), [("TZID", zone)], eol=eol), zone


def is_second(moment: dt.datetime) -> bool:
    """Return whether a wall time does not lead back to this moment, as the second of two does not."""
    return moment.replace(fold=0).utcoffset() != moment.utcoffset()


def vtimezone_text(name: str, years: zones.Years) -> str:
    """Return the VTIMEZONE for events in ``years``: from the year before, with rules that go on."""
    return zones.vtimezone_for(name, years[0], years[1])


class _Writer:
    """Lines with times of one event, and the zones they need."""

    def __init__(self, event: Event, zone_names: dict[str, zones.Years], eol: str) -> None:
        self._repeats = bool(event.recurrence) or event.recurrence_id is not None
        self._is_range = event.this_and_future
        self._zone_names = zone_names
        self._eol = eol

    def moment(self, name: str, moment: Moment) -> Line:
        line, zone = moment_line(name, moment, keep_zone=self._repeats, eol=self._eol)
        if zone is not None:
            need_zone(self._zone_names, zone, moment.year)
        return line

    def recurrence_id(self, moment: Moment, model: Moment | None) -> Line:
        """Write RECURRENCE-ID in the master's zone (RFC 5545 3.8.4.4)."""
        if isinstance(moment, dt.datetime) and isinstance(model, dt.datetime):
            moment = moment.astimezone(model.tzinfo)
        line = self.moment("RECURRENCE-ID", moment)
        return line.with_param("RANGE", "THISANDFUTURE") if self._is_range else line


def need_zone(zone_names: dict[str, zones.Years], name: str, year: int) -> None:
    """Note that a zone must be defined for a year."""
    first, last = zone_names.get(name, (year, year))
    zone_names[name] = (min(first, year), max(last, year))
