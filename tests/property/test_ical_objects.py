"""Laws of writing, overlaying and fingerprints, over objects and texts of every kind."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections import Counter
from pathlib import Path
from zoneinfo import ZoneInfo

from examples import at_least, law
from hypothesis import assume, given
from hypothesis import strategies as st

from bridge.ical.fingerprint import fingerprint, same
from bridge.ical.lines import Component, Line, fold
from bridge.ical.lines import read as read_lines
from bridge.ical.lines import write as write_lines
from bridge.ical.overlay import overlay
from bridge.ical.parse import Parsed, parse
from bridge.ical.recur import first_occurrences, instant
from bridge.ical.write import write
from bridge.model.event import Alarm, CalendarObject, Event, Status
from bridge.model.people import Attendee, PartStat, Person
from bridge.model.recurrence import Freq, NthDay, Recurrence, Rule, Weekday
from bridge.plan.moments import moment_key

SAMPLES = sorted((Path(__file__).parent.parent / "golden" / "ical").glob("*/client.ics"))
PARSED = [parse(path.read_bytes(), default_zone="Asia/Shanghai") for path in SAMPLES]
ZONES: list[dt.tzinfo] = [
    *(ZoneInfo(key) for key in ("Asia/Shanghai", "Europe/Berlin", "America/New_York", "Asia/Kolkata")),
    dt.UTC,
]
CONCERNED = {
    *("DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID", "SUMMARY", "DESCRIPTION"),
    *("X-ALT-DESC", "LOCATION", "URL", "CONFERENCE", "STATUS", "ORGANIZER", "ATTENDEE"),
    *("DTSTAMP", "LAST-MODIFIED", "SEQUENCE"),
}
"""Properties that a change may touch; whatever else stands in a text must survive."""

TEXTS = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufeff\ufffe\uffff")
    | st.sampled_from("\n\t,;:\\\"'^"),
    max_size=40,
)
WORDS = (
    st.sampled_from(["", "a", "周会, Raum; 3", "Zeile 1\nZeile 2\r\n", "C:\\new\\n", "e\u0301" * 60]) | TEXTS
)
ONE_LINE = WORDS.map(lambda text: " ".join(text.split()))
ADDRESSES = st.sampled_from(
    [f"mailto:{name}@example.com" for name in ("ann", "bob", "li.si", "o'hara", "王")]
)
MINUTES = st.integers(0, 20_000).map(lambda number: dt.timedelta(minutes=5 * number))
STARTS = MINUTES.map(lambda offset: dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + 12 * offset)


@st.composite
def rules(draw: st.DrawFn, *, all_day: bool) -> Rule:
    freq = draw(st.sampled_from([Freq.DAILY, Freq.WEEKLY, Freq.MONTHLY, Freq.YEARLY]))
    days = ()
    if freq is Freq.WEEKLY:
        days = tuple(sorted(draw(st.sets(st.builds(NthDay, st.sampled_from(Weekday)), max_size=3))))
    end: dict[str, object] = {}
    match draw(st.integers(0, 2)):
        case 0:
            end["count"] = draw(st.integers(1, 20))
        case 1:
            until = draw(STARTS) + dt.timedelta(days=200)
            end["until"] = until.date() if all_day else until
    return Rule(freq=freq, interval=draw(st.integers(1, 3)), by_day=days, **end)  # type: ignore[arg-type]


@st.composite
def events(draw: st.DrawFn, *, recurring: bool = False, all_day: bool | None = None) -> Event:
    is_all_day = draw(st.booleans()) if all_day is None else all_day
    zone = draw(st.sampled_from(ZONES))
    moment = draw(STARTS)
    if is_all_day:
        start: dt.date | dt.datetime = moment.date()
        end: dt.date | dt.datetime = start + dt.timedelta(days=draw(st.integers(1, 5)))
    else:
        start = moment.astimezone(zone)
        end = (moment + draw(st.sampled_from([0, 15, 60, 1500])) * dt.timedelta(minutes=1)).astimezone(zone)
    people = draw(
        st.lists(
            st.builds(
                Attendee,
                address=ADDRESSES,
                name=ONE_LINE,
                partstat=st.sampled_from(PartStat),
                is_optional=st.booleans(),
            ),
            max_size=4,
            unique_by=lambda one: one.address,
        )
    )
    alarms = draw(st.sets(st.sampled_from([-32_400, 0, 300, 900, 86_400, 123_456]), max_size=3))
    return Event(
        uid="the-uid",
        start=start,
        end=end,
        recurrence=Recurrence(rules=(draw(rules(all_day=is_all_day)),)) if recurring else Recurrence(),
        summary=draw(WORDS),
        description=draw(WORDS),
        rich_description=draw(st.just("") | WORDS),
        location=draw(WORDS),
        url=draw(st.sampled_from(["", "https://meet.example.com/a?b=1;c=2,3"])),
        status=draw(st.sampled_from(Status)),
        alarms=tuple(Alarm(before_start_s=seconds) for seconds in sorted(alarms)),
        organizer=draw(st.none() | st.builds(Person, address=ADDRESSES, name=ONE_LINE)),
        attendees=tuple(people),
    )


@st.composite
def objects(draw: st.DrawFn, *, all_day: bool | None = None) -> CalendarObject:
    """Single events, and series with exceptions and changed occurrences."""
    recurring = draw(st.booleans())
    master = draw(events(recurring=recurring, all_day=all_day))
    if not recurring:
        return CalendarObject(uid=master.uid, master=master)
    first = first_occurrences(master, 8)
    chosen = sorted(draw(st.sets(st.sampled_from(first), max_size=4)), key=instant)
    overrides = tuple(
        dataclasses.replace(draw(events(all_day=master.is_all_day)), recurrence_id=moment)
        for moment in chosen[1::2]
    )
    recurrence = dataclasses.replace(master.recurrence, exdates=tuple(chosen[::2]))
    return CalendarObject(
        uid=master.uid, master=dataclasses.replace(master, recurrence=recurrence), overrides=overrides
    )


def read(text: str) -> CalendarObject:
    return parse(text.encode(), default_zone="Asia/Shanghai").object


def kept_lines(text: str) -> Counter[str]:
    """The raw text of all lines, at any depth, that no change concerns; VALARM is of its own kind."""
    found: Counter[str] = Counter()

    def walk(component: Component) -> None:
        if component.name == "VALARM":
            return
        for child in component.children:
            if isinstance(child, Component):
                walk(child)
            elif isinstance(child, Line) and child.name not in CONCERNED:
                found[child.raw] += 1

    walk(read_lines(text))
    return found


@at_least(500)
@given(text=st.text(st.characters(exclude_categories=("Cs",)), max_size=300))
def test_a_folded_line_is_short_and_reads_back(text: str) -> None:
    content = "X-A:" + text.replace("\r", "").replace("\n", "")
    folded = fold(content)
    assert all(len(line.encode()) <= 75 for line in folded.split("\r\n"))
    tree = read_lines(f"BEGIN:VCALENDAR\r\n{folded}END:VCALENDAR\r\n")
    assert [child.value for child in tree.lines("X-A")] == [content[4:]]


@at_least(150)
@given(obj=objects(), dtstamp_ms=st.integers(0, 4_000_000_000_000))
def test_what_is_written_means_the_same_and_is_the_same_each_time(
    obj: CalendarObject, dtstamp_ms: int
) -> None:
    text = write(obj, dtstamp_ms=dtstamp_ms)
    assert same(read(text), obj)
    assert fingerprint(read(text)) == fingerprint(obj)
    assert write(obj, dtstamp_ms=dtstamp_ms) == text
    assert "\n" not in text.replace("\r\n", "")
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))


@st.composite
def variations(draw: st.DrawFn) -> str:
    """A real text with its lines refolded, reordered, ended otherwise, and with foreign lines between them."""
    parsed = draw(st.sampled_from(PARSED))
    eol = draw(st.sampled_from(["\r\n", "\n"]))
    width = draw(st.sampled_from([75, 20, 400]))
    at = draw(st.integers(0, 200))
    extra = draw(st.sampled_from(["", 'X-ODD;A="b;c:d";E=^n:\\x', "comment:x", "IANA-TOKEN:", " ", ""]))

    def text(component: Component) -> list[str]:
        out = [f"BEGIN:{component.name}"]
        children = list(component.children)
        if component.name == "VEVENT" and children:
            turn = at % len(children)
            children = children[turn:] + children[:turn]
        for number, child in enumerate(children):
            if isinstance(child, Component):
                out += text(child)
            else:
                content = f"{child.head}:{child.value}"
                out += [(eol + " ").join(content[i : i + width] for i in range(0, len(content), width))]
            if number == at:
                out += [extra]
        return [*out, f"END:{component.name}"]

    return eol.join([*text(parsed.tree), ""])


@law
@given(text=variations(), other=st.sampled_from(PARSED), dtstamp_ms=st.integers(0, 4_000_000_000_000))
def test_nothing_changed_upstream_leaves_the_very_same_text(
    text: str, other: Parsed, dtstamp_ms: int
) -> None:
    parsed = parse(text.encode(), default_zone="Asia/Shanghai")
    assert write_lines(parsed.tree) == parsed.text == text
    for state in (parsed.object, other.object):
        assert overlay(text, state, state, dtstamp_ms=dtstamp_ms) == text


@law
@given(before=objects(), after=objects())
def test_a_text_in_step_with_the_vendor_follows_it(before: CalendarObject, after: CalendarObject) -> None:
    text = write(before, dtstamp_ms=0)
    changed = overlay(text, before, after, dtstamp_ms=86_400_000)
    assert same(plain(read(changed)), plain(after))
    back = overlay(changed, after, before, dtstamp_ms=2 * 86_400_000)
    assert same(plain(read(back)), plain(before))
    assert overlay(changed, after, after, dtstamp_ms=5) == changed


def plain(obj: CalendarObject) -> CalendarObject:
    """Without what overlay decides by itself: HTML that follows the plain words."""
    return dataclasses.replace(
        obj,
        master=dataclasses.replace(obj.master, rich_description="") if obj.master else None,
        overrides=tuple(dataclasses.replace(event, rich_description="") for event in obj.overrides),
    )


@st.composite
def strangers(draw: st.DrawFn) -> tuple[Parsed, CalendarObject, CalendarObject]:
    """A real text, and two states of a vendor that have nothing to do with it but the kind of its times."""
    parsed = draw(st.sampled_from(PARSED))
    all_day = parsed.object.events[0].is_all_day
    return parsed, draw(objects(all_day=all_day)), draw(objects(all_day=all_day))


def keys_of(obj: CalendarObject) -> set[str]:
    """Return which occurrences have a component of their own."""
    return {moment_key(event.recurrence_id) for event in obj.overrides if event.recurrence_id is not None}


def dropped_from(obj: CalendarObject) -> set[str]:
    """Return which occurrences are removed."""
    return {moment_key(moment) for moment in obj.master.recurrence.exdates} if obj.master else set()


@law
@given(case=strangers())
def test_lines_that_a_change_does_not_concern_survive_it(
    case: tuple[Parsed, CalendarObject, CalendarObject],
) -> None:
    """Also when the vendor shows something quite unlike the text; but a vendor that drops an occurrence concerns its lines."""
    parsed, before, after = case
    assume(not keys_of(parsed.object) & (keys_of(before) - keys_of(after) | dropped_from(after)))
    changed = overlay(parsed.text, before, after, dtstamp_ms=1, default_zone="Asia/Shanghai")
    assert kept_lines(changed) >= kept_lines(parsed.text)
    assert write_lines(read_lines(changed)) == changed
    assert read(changed).uid == parsed.object.uid


@st.composite
def edits(draw: st.DrawFn) -> tuple[int, CalendarObject]:
    """A sample, and its object with some fields of its events taken from elsewhere."""
    index = draw(st.integers(0, len(PARSED) - 1))
    obj = PARSED[index].object

    def changed(event: Event) -> Event:
        other = draw(events(all_day=event.is_all_day))
        names = draw(
            st.sets(
                st.sampled_from(
                    ["summary", "description", "location", "status", "alarms", "attendees", "times"]
                )
            )
        )
        fields = {name: getattr(other, name) for name in names - {"times"}}
        if "times" in names:
            moved = dt.timedelta(
                hours=0 if event.is_all_day else draw(st.integers(-30, 30)), days=draw(st.integers(-2, 2))
            )
            fields |= {"start": event.start + moved, "end": event.end + moved}
        return dataclasses.replace(event, **fields)

    return index, dataclasses.replace(
        obj,
        master=changed(obj.master) if obj.master else None,
        overrides=tuple(changed(event) for event in obj.overrides),
    )


@law
@given(edit=edits())
def test_real_texts_follow_the_vendor_and_keep_their_own(edit: tuple[int, CalendarObject]) -> None:
    index, after = edit
    text, before = PARSED[index].text, PARSED[index].object
    changed = overlay(text, before, after, dtstamp_ms=7_000, default_zone="Asia/Shanghai")
    assert same(plain(read(changed)), plain(after))
    assert kept_lines(changed) >= kept_lines(text)
    back = overlay(changed, after, before, dtstamp_ms=8_000, default_zone="Asia/Shanghai")
    assert same(plain(read(back)), plain(before))


@at_least(100)
@given(obj=objects(), zone=st.sampled_from(ZONES))
def test_the_zone_of_a_single_event_does_not_matter_to_its_fingerprint(
    obj: CalendarObject, zone: dt.tzinfo
) -> None:
    master = obj.master
    assert master is not None
    single = CalendarObject(uid="x", master=dataclasses.replace(master, recurrence=Recurrence()))
    if isinstance(master.start, dt.datetime) and isinstance(master.end, dt.datetime):
        moved = dataclasses.replace(
            master,
            recurrence=Recurrence(),
            start=master.start.astimezone(zone),
            end=master.end.astimezone(zone),
        )
        assert fingerprint(CalendarObject(uid="x", master=moved)) == fingerprint(single)
    other = dataclasses.replace(master, recurrence=Recurrence(), summary=master.summary + "x")
    assert not same(CalendarObject(uid="x", master=other), single)
