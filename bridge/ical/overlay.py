"""What changed at the vendor, laid over the client's own text.

The text is the base: every line that a change does not concern stays byte for byte, in its place. ``before`` and
``after`` are two states of the object as the vendor shows it; they may know less than the text does. Equal states
give the very same text.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING

from bridge.ical import lines, write, zones
from bridge.ical.edit import edit, from_master
from bridge.ical.lines import Component
from bridge.ical.recur import end_of, instant
from bridge.ical.times import Tools, is_date, moment_line
from bridge.ical.vevent import context_of, read_event

if TYPE_CHECKING:
    from bridge.model.event import CalendarObject, Event
    from bridge.model.recurrence import Moment


def overlay(
    text: str,
    before: CalendarObject,
    after: CalendarObject,
    *,
    dtstamp_ms: int,
    default_zone: str | None = None,
) -> str:
    """Return ``text`` with the difference of ``before`` and ``after`` laid onto it.

    ``text`` is one that :func:`bridge.ical.parse.parse` accepted. A field that did not change keeps what the text
    says, also where the vendor shows something else. DTSTAMP and LAST-MODIFIED become ``dtstamp_ms`` (milliseconds
    since 1970) in components that changed, and SEQUENCE counts up where time, rule or place did. Overrides are
    matched by the instant of their RECURRENCE-ID; a new one is made from the master's text. ``default_zone`` is the
    one the text was parsed with: floating times stay floating then. Without it floating times are taken to be in
    the vendor's zone, and written with that zone when they change. Raises BadInput for a
    text that was never accepted, and ValueError when nothing would be left.
    """
    page = _Page(text, before, after, dtstamp_ms, default_zone)
    page.lay_master(before.master, after.master)
    old = {instant(_origin(event)): event for event in before.overrides}
    new = {instant(_origin(event)): event for event in after.overrides}
    for key, event in old.items():
        if key not in new:
            page.remove(key)
        else:
            page.lay_override(key, event, new[key])
    for key, event in new.items():
        if key not in old:
            page.lay_override(key, None, event)
    return page.text()


class _Page:
    """The calendar while it is being changed."""

    def __init__(
        self,
        text: str,
        before: CalendarObject,
        after: CalendarObject,
        dtstamp_ms: int,
        default_zone: str | None,
    ) -> None:
        self._text = text
        self._tree = lines.read(text, max_bytes=4 * lines.TEXT_BYTES_MAX)
        self._after = dataclasses.replace(after, uid=_uid(self._tree) or after.uid)
        stated = zones.stated(default_zone) if default_zone else None
        context = context_of(self._tree, stated or _zone_of(before) or _zone_of(after) or dt.UTC)
        context.is_zone_stated = stated is not None
        self._tools = Tools(context, dtstamp_ms, self._tree.begin.eol)
        self._children = list(self._tree.children)
        self._is_changed = False
        self._master: Component | None = None
        self._shown_master: Event | None = None
        self._overrides: dict[Moment, tuple[Component, Event]] = {}
        events = self._tree.components("VEVENT")
        for component in events:
            if component.first("RECURRENCE-ID") is None:
                self._master = component
                self._shown_master = read_event(component, context, master=None)
        for component in events:
            if component is not self._master:
                shown = read_event(component, context, master=self._shown_master)
                self._overrides[instant(_origin(shown))] = (component, shown)

    def lay_master(self, before: Event | None, after: Event | None) -> None:
        """Change, add or remove the master."""
        if after is None:
            if before is not None and self._master is not None:
                self._put(self._master, None)
                self._master = None
        elif self._master is None or self._shown_master is None:
            if before != after:
                self._master, self._shown_master = self._fresh(after), after
                self._insert(self._master, first=True)
        else:
            shown = self._shown_master
            edited = edit(self._master, shown, before if before is not None else shown, after, self._tools)
            if edited is not self._master:
                self._put(self._master, edited)
                self._master = edited
                self._shown_master = read_event(edited, self._tools.context, master=None)
                self._pin_overrides()

    def _pin_overrides(self) -> None:
        """Write out each RECURRENCE-ID whose meaning hangs on DTSTART (a DATE beside a time), now that it moved."""
        master = self._shown_master
        for key, (component, shown) in list(self._overrides.items()):
            now = read_event(component, self._tools.context, master=master)
            if instant(_origin(now)) == key or isinstance(key, dt.datetime) == is_date(_origin(now)):
                continue
            line = component.first("RECURRENCE-ID")
            if line is not None and master is not None and self._master is not None:
                model = self._master.first("DTSTART")
                pinned = moment_line(
                    line.name, model, _origin(shown), self._tools, keep_zone=True, params_of=line
                )
                edited = component.with_children(
                    [pinned if child is line else child for child in component.children]
                )
                self._put(component, edited)
                self._overrides[key] = (edited, shown)

    def lay_override(self, key: Moment, before: Event | None, after: Event) -> None:
        """Change or add one override; ``before`` is None if the vendor had none."""
        known = self._overrides.get(key)
        if known is not None:
            component, shown = known
            edited = edit(component, shown, before if before is not None else shown, after, self._tools)
            if edited is not component:
                self._put(component, edited)
        elif before is None or before != after:
            self._insert(self._made(after))

    def remove(self, key: Moment) -> None:
        """Take an override away."""
        known = self._overrides.pop(key, None)
        if known is not None:
            self._put(known[0], None)

    def text(self) -> str:
        """Return the result; what was given if nothing changed."""
        if not self._is_changed:
            return self._text
        if not any(isinstance(child, Component) and child.name == "VEVENT" for child in self._children):
            msg = "The change leaves no event in the object; delete the object instead."
            raise ValueError(msg)
        self._define_zones()
        return lines.write(self._tree.with_children(self._children))

    def _made(self, override: Event) -> Component:
        """Return a new override: from the master's text if there is one."""
        model = self._after.master
        if self._master is None or self._shown_master is None or model is None:
            return self._fresh(override)
        origin = _origin(override)
        if isinstance(origin, dt.datetime) != isinstance(model.start, dt.datetime):
            return self._fresh(override)
        like = dataclasses.replace(
            model,
            start=origin,
            end=end_of(model, origin),
            recurrence_id=origin,
            recurrence=type(model.recurrence)(),
        )
        like = dataclasses.replace(like, this_and_future=override.this_and_future)
        return from_master(self._master, self._shown_master, like, override, self._tools)

    def _fresh(self, event: Event) -> Component:
        return write.event_component(
            event,
            self._after,
            dtstamp_ms=self._tools.dtstamp_ms,
            zone_names=self._tools.zone_names,
            eol=self._tools.eol,
        )

    def _put(self, old: Component, new: Component | None) -> None:
        self._is_changed = True
        index = next(index for index, child in enumerate(self._children) if child is old)
        self._children[index : index + 1] = [] if new is None else [new]

    def _insert(self, new: Component, *, first: bool = False) -> None:
        """Put a VEVENT before the first or behind the last one."""
        self._is_changed = True
        places = [
            index
            for index, child in enumerate(self._children)
            if isinstance(child, Component) and child.name == "VEVENT"
        ]
        if not places:
            self._children.append(new)
        else:
            self._children.insert(places[0] if first else places[-1] + 1, new)

    def _define_zones(self) -> None:
        """Add a VTIMEZONE for each zone that new lines name and the text does not define."""
        defined = self._tools.context.vtimezones
        place = next(
            (
                index
                for index, child in enumerate(self._children)
                if isinstance(child, Component) and child.name == "VEVENT"
            ),
            len(self._children),
        )
        for name, years in sorted(self._tools.zone_names.items(), reverse=True):
            if name not in defined:
                text = write.vtimezone_text(name, years).replace("\r\n", self._tools.eol)
                self._children.insert(place, lines.read(text))


def _uid(tree: Component) -> str:
    for event in tree.components("VEVENT"):
        line = event.first("UID")
        if line is not None:
            return line.value.strip()
    return ""


def _origin(event: Event) -> Moment:
    return event.recurrence_id if event.recurrence_id is not None else event.start


def _zone_of(obj: CalendarObject) -> dt.tzinfo | None:
    """Return the zone in which floating times of the text are taken: the one the vendor shows."""
    for event in obj.events:
        if isinstance(event.start, dt.datetime):
            return event.start.tzinfo
    return None
