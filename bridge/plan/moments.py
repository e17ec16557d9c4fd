"""Names for occurrences: one text form of a moment, and occurrences made from a master."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING

from bridge.model.recurrence import Moment, Recurrence

if TYPE_CHECKING:
    from bridge.model.event import Event


def moment_key(moment: Moment) -> str:
    """Return ``YYYYMMDD`` of a date, ``YYYYMMDDTHHMMSSZ`` of an instant: equal moments, equal keys."""
    if isinstance(moment, dt.datetime):
        return moment.astimezone(dt.UTC).strftime("%Y%m%dT%H%M%SZ")
    return moment.strftime("%Y%m%d")


def key_moment(text: str) -> Moment:
    """Undo :func:`moment_key`; raises ValueError on anything else."""
    if len(text) == len("YYYYMMDD"):
        return dt.datetime.strptime(text, "%Y%m%d").date()  # noqa: DTZ007  a date has no zone
    return dt.datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.UTC)


def override_key(at: Moment) -> str:
    """Return the piece key of the changed occurrence that began at ``at``."""
    return f"@{moment_key(at)}"


def in_form_of(moment: Moment, like: Moment) -> Moment:
    """Write an instant in the zone of ``like``; dates and mixtures stay as they are."""
    if isinstance(moment, dt.datetime) and isinstance(like, dt.datetime):
        return moment.astimezone(like.tzinfo)
    return moment


def occurrence_of(master: Event, at: Moment) -> Event:
    """Return the occurrence of ``master`` that begins at ``at``, as an override with nothing changed."""
    start = in_form_of(at, master.start)
    if (
        isinstance(start, dt.datetime)
        and isinstance(master.start, dt.datetime)
        and isinstance(master.end, dt.datetime)
    ):
        # Durations are exact (RFC 5545 3.8.5.3): through UTC, so that a DST change inside the span does not count.
        length = master.end.astimezone(dt.UTC) - master.start.astimezone(dt.UTC)
        end: Moment = (start.astimezone(dt.UTC) + length).astimezone(master.end.tzinfo)
    else:
        days = moment_days(master.end) - moment_days(master.start)
        end = dt.date.fromordinal(moment_days(start) + days)
    return replace(
        master, start=start, end=end, recurrence_id=start, recurrence=Recurrence(), this_and_future=False
    )


def moment_days(moment: Moment) -> int:
    """Return the proleptic ordinal of a moment's own calendar date."""
    return moment.toordinal()
