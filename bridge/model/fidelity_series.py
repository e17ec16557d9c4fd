"""The fidelity table, part three: recurrence forms. PURE data.

``native`` is one item at the vendor (and exceptions of it), ``compiled`` several that show the same occurrences from
today to the horizon. Examples stand from DTSTART on; 2026-01-05 is a Monday.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.model.fidelity_events import compiled, native, refused, row
from bridge.model.fidelity_kinds import Section

if TYPE_CHECKING:
    from bridge.model.fidelity_kinds import Cell, Row

_S: Final = Section.SERIES
_RRULE: Final = "RFC 5545 3.3.10"

NATIVE: Final = native()
COMPILED: Final = compiled()
SINGLES: Final = compiled(
    "shorter series and single events, extended as time passes", "拆为较短的系列和单次日程，随时间续建"
)


def _series(
    name: str,
    rule: str,
    wecom: Cell,
    dingtalk: Cell,
    *more: str,
    start: str = "20260112T100000",
    zone: str = "Asia/Shanghai",
    source: str = _RRULE,
) -> Row:
    """Return the row of a timed series of one hour."""
    date, _, clock = start.partition("T")
    end = f"{date}T{int(clock[:2]) + 1:02d}{clock[2:]}"
    lines = [f"DTSTART;TZID={zone}:{start}", f"DTEND;TZID={zone}:{end}"]
    if rule:
        lines.append(f"RRULE:{rule}")
    return row(_S, name, source, (*lines, *more), wecom, dingtalk)


_OVERRIDE: Final = (
    "SUMMARY:Series",
    "END:VEVENT",
    "BEGIN:VEVENT",
    "UID:{uid}",
    "DTSTAMP:20260101T000000Z",
)

SERIES: Final = (
    # ---- DAILY
    _series("DAILY", "FREQ=DAILY", NATIVE, NATIVE),
    _series(
        "DAILY;INTERVAL",
        "FREQ=DAILY;INTERVAL=3",
        compiled("weekly series", "拆为按周重复"),
        native("up to 365, else single events", "最大 365，超出则拆为单次日程"),
    ),
    _series("DAILY;INTERVAL over 365", "FREQ=DAILY;INTERVAL=366", SINGLES, SINGLES),
    _series(
        "DAILY;BYDAY",
        "FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR",
        native("as weekly", "转为按周重复"),
        native("as weekly", "转为按周重复"),
    ),
    _series("DAILY;INTERVAL;BYDAY", "FREQ=DAILY;INTERVAL=2;BYDAY=MO,WE,FR", COMPILED, COMPILED),
    _series("DAILY;BYMONTH", "FREQ=DAILY;BYMONTH=1", COMPILED, COMPILED),
    _series(
        "DAILY;BYMONTHDAY", "FREQ=DAILY;BYMONTHDAY=12,13", native("as monthly", "转为按月重复"), COMPILED
    ),
    # ---- WEEKLY
    _series("WEEKLY", "FREQ=WEEKLY", NATIVE, NATIVE),
    _series("WEEKLY;BYDAY", "FREQ=WEEKLY;BYDAY=MO,WE,FR", NATIVE, NATIVE),
    _series(
        "WEEKLY;INTERVAL",
        "FREQ=WEEKLY;INTERVAL=2",
        native("up to 52", "最大 52"),
        native("up to 365", "最大 365"),
    ),
    _series(
        "WEEKLY;INTERVAL;BYDAY",
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH",
        compiled(
            "one series a day: WeCom does not say when its week begins",
            "每个星期几一个系列：企业微信未说明一周从哪天开始",
        ),
        NATIVE,
    ),
    _series(
        "WEEKLY;INTERVAL;BYDAY;WKST",
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU;WKST=SU",
        compiled("one series a day", "每个星期几一个系列"),
        NATIVE,
    ),
    _series(
        "WEEKLY;BYDAY without the start's day",
        "FREQ=WEEKLY;BYDAY=TU",
        compiled("the start alone, then a series", "首次单独，其后为系列"),
        compiled("the start alone, then a series", "首次单独，其后为系列"),
    ),
    _series("WEEKLY;BYMONTH", "FREQ=WEEKLY;BYMONTH=1,2", COMPILED, COMPILED),
    _series(
        "WEEKLY;BYSETPOS",
        "FREQ=WEEKLY;BYDAY=MO,WE,FR;BYSETPOS=1",
        native("as weekly", "转为按周重复"),
        native("as weekly", "转为按周重复"),
    ),
    # ---- MONTHLY
    _series("MONTHLY", "FREQ=MONTHLY", NATIVE, NATIVE),
    _series(
        "MONTHLY;INTERVAL",
        "FREQ=MONTHLY;INTERVAL=3",
        native("up to 52", "最大 52"),
        native("up to 365", "最大 365"),
    ),
    _series("MONTHLY;BYMONTHDAY, one to 28", "FREQ=MONTHLY;BYMONTHDAY=12", NATIVE, NATIVE),
    _series(
        "MONTHLY;BYMONTHDAY, several",
        "FREQ=MONTHLY;BYMONTHDAY=1,12",
        NATIVE,
        compiled("one series a day", "每个日期一个系列"),
    ),
    _series(
        "MONTHLY;BYMONTHDAY, 29 to 31",
        "FREQ=MONTHLY;BYMONTHDAY=31",
        SINGLES,
        SINGLES,
        start="20260131T100000",
    ),
    _series(
        "MONTHLY;BYMONTHDAY, from the end",
        "FREQ=MONTHLY;BYMONTHDAY=-1",
        SINGLES,
        SINGLES,
        start="20260131T100000",
    ),
    _series("MONTHLY;BYDAY, first to fourth", "FREQ=MONTHLY;BYDAY=2MO", SINGLES, NATIVE),
    _series("MONTHLY;BYDAY, last", "FREQ=MONTHLY;BYDAY=-1FR", SINGLES, NATIVE, start="20260130T100000"),
    _series(
        "MONTHLY;BYDAY, fifth or last but one",
        "FREQ=MONTHLY;BYDAY=-2FR",
        SINGLES,
        SINGLES,
        start="20260123T100000",
    ),
    _series(
        "MONTHLY;BYDAY, several ordinals",
        "FREQ=MONTHLY;BYDAY=2MO,4MO",
        SINGLES,
        compiled("one series each", "每个序数一个系列"),
    ),
    _series(
        "MONTHLY;BYDAY, every one",
        "FREQ=MONTHLY;BYDAY=MO",
        native("as weekly", "转为按周重复"),
        native("as weekly", "转为按周重复"),
    ),
    _series("MONTHLY;BYDAY;BYSETPOS, one weekday", "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=2", SINGLES, NATIVE),
    _series(
        "MONTHLY;BYDAY;BYSETPOS, several weekdays",
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
        SINGLES,
        SINGLES,
        start="20260130T100000",
    ),
    _series(
        "MONTHLY;BYDAY;BYMONTHDAY",
        "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13",
        SINGLES,
        SINGLES,
        start="20260213T100000",
    ),
    _series("MONTHLY;BYMONTH", "FREQ=MONTHLY;BYMONTH=1,2", SINGLES, SINGLES),
    # ---- YEARLY
    _series("YEARLY", "FREQ=YEARLY", NATIVE, NATIVE),
    _series("YEARLY;INTERVAL", "FREQ=YEARLY;INTERVAL=2", native("as monthly", "转为按月重复"), NATIVE),
    _series("YEARLY on 29 February", "FREQ=YEARLY", SINGLES, SINGLES, start="20280229T100000"),
    _series("YEARLY;BYMONTH;BYMONTHDAY", "FREQ=YEARLY;BYMONTH=1;BYMONTHDAY=12", NATIVE, NATIVE),
    _series(
        "YEARLY;BYMONTH;BYDAY",
        "FREQ=YEARLY;BYMONTH=1;BYDAY=2MO",
        SINGLES,
        native("as every twelfth month", "转为每 12 个月"),
    ),
    _series("YEARLY;BYMONTH, several", "FREQ=YEARLY;BYMONTH=1,2", SINGLES, SINGLES),
    _series(
        "YEARLY;BYMONTH, evenly spaced",
        "FREQ=YEARLY;BYMONTH=1,4,7,10",
        native("as monthly", "转为按月重复"),
        native("as monthly", "转为按月重复"),
    ),
    _series(
        "YEARLY;BYDAY, nth of the year", "FREQ=YEARLY;BYDAY=20MO", SINGLES, SINGLES, start="20260518T100000"
    ),
    _series("YEARLY;BYWEEKNO", "FREQ=YEARLY;BYWEEKNO=3;BYDAY=MO", SINGLES, SINGLES),
    _series("YEARLY;BYYEARDAY", "FREQ=YEARLY;BYYEARDAY=12,100", SINGLES, SINGLES),
    _series("YEARLY;BYSETPOS", "FREQ=YEARLY;BYMONTH=1;BYDAY=MO,TU;BYSETPOS=3", SINGLES, SINGLES),
    # ---- several times a day
    _series(
        "BYHOUR",
        "FREQ=DAILY;BYHOUR=10,16",
        compiled("one series a time", "每个时间一个系列"),
        compiled("one series a time", "每个时间一个系列"),
    ),
    _series(
        "BYMINUTE",
        "FREQ=WEEKLY;BYMINUTE=0,30",
        compiled("one series a time", "每个时间一个系列"),
        compiled("one series a time", "每个时间一个系列"),
    ),
    _series("BYSECOND", "FREQ=WEEKLY;COUNT=4;BYSECOND=0,30", COMPILED, COMPILED),
    _series("HOURLY with an end", "FREQ=HOURLY;INTERVAL=2;COUNT=4", SINGLES, SINGLES),
    _series("MINUTELY with an end", "FREQ=MINUTELY;INTERVAL=90;COUNT=3", SINGLES, SINGLES),
    _series("SECONDLY with an end", "FREQ=SECONDLY;INTERVAL=5400;COUNT=3", SINGLES, SINGLES),
    _series("HOURLY, MINUTELY, SECONDLY for ever", "FREQ=HOURLY", refused(), refused()),
    # ---- ends and dates
    _series("COUNT", "FREQ=WEEKLY;COUNT=10", native("as an end date", "转为结束日期"), NATIVE),
    _series(
        "COUNT over 99",
        "FREQ=DAILY;COUNT=150",
        native("as an end date", "转为结束日期"),
        native("as an end date", "转为结束日期"),
    ),
    _series(
        "UNTIL",
        "FREQ=WEEKLY;UNTIL=20260323T020000Z",
        NATIVE,
        native("as a number up to 99, else an end date", "99 次以内转为次数，否则为结束日期"),
    ),
    _series(
        "RDATE",
        "FREQ=WEEKLY;COUNT=4",
        compiled("one event more each", "每个日期另建一个日程"),
        compiled("one event more each", "每个日期另建一个日程"),
        "RDATE;TZID=Asia/Shanghai:20260114T150000",
        source="RFC 5545 3.8.5.2",
    ),
    _series(
        "RDATE without a rule",
        "",
        COMPILED,
        COMPILED,
        "RDATE;TZID=Asia/Shanghai:20260114T100000,20260120T100000",
        source="RFC 5545 3.8.5.2",
    ),
    _series(
        "RDATE;VALUE=PERIOD",
        "FREQ=WEEKLY;COUNT=4",
        compiled("its start; the event's length", "取其开始，时长同日程"),
        compiled("its start; the event's length", "取其开始，时长同日程"),
        "RDATE;TZID=Asia/Shanghai;VALUE=PERIOD:20260114T150000/PT1H",
        source="RFC 5545 3.8.5.2",
    ),
    _series(
        "EXDATE",
        "FREQ=WEEKLY;COUNT=4",
        native("that occurrence is deleted", "删除该次"),
        native("that occurrence is deleted", "删除该次"),
        "EXDATE;TZID=Asia/Shanghai:20260119T100000",
        source="RFC 5545 3.8.5.1",
    ),
    _series(
        "EXDATE of the first occurrence",
        "FREQ=WEEKLY;COUNT=4",
        NATIVE,
        NATIVE,
        "EXDATE;TZID=Asia/Shanghai:20260112T100000",
        source="RFC 5545 3.8.5.1",
    ),
    _series(
        "several RRULE",
        "FREQ=WEEKLY;COUNT=4",
        COMPILED,
        COMPILED,
        "RRULE:FREQ=MONTHLY;COUNT=3",
        source="RFC 5545 3.8.5.3",
    ),
    _series(
        "EXRULE",
        "FREQ=DAILY;COUNT=9",
        refused(),
        refused(),
        "EXRULE:FREQ=WEEKLY;COUNT=2",
        source="RFC 2445 4.8.5.2",
    ),
    _series("RSCALE", "RSCALE=CHINESE;FREQ=YEARLY", refused(), refused(), source="RFC 7529 4.1"),
    _series("SKIP", "RSCALE=GREGORIAN;FREQ=YEARLY;SKIP=FORWARD", refused(), refused(), source="RFC 7529 4.1"),
    # ---- changed occurrences
    _series(
        "RECURRENCE-ID",
        "FREQ=WEEKLY;COUNT=4",
        native("the changed one is an item of its own", "修改的一次成为独立日程"),
        native("the vendor's instance is changed", "修改平台中的该次日程"),
        *_OVERRIDE,
        "RECURRENCE-ID;TZID=Asia/Shanghai:20260119T100000",
        "DTSTART;TZID=Asia/Shanghai:20260120T150000",
        "DTEND;TZID=Asia/Shanghai:20260120T163000",
        source="RFC 5545 3.8.4.4",
    ),
    _series(
        "RECURRENCE-ID with STATUS:CANCELLED",
        "FREQ=WEEKLY;COUNT=4",
        native("that occurrence is deleted", "删除该次"),
        native("that occurrence is deleted", "删除该次"),
        *_OVERRIDE,
        "STATUS:CANCELLED",
        "RECURRENCE-ID;TZID=Asia/Shanghai:20260119T100000",
        "DTSTART;TZID=Asia/Shanghai:20260119T100000",
        "DTEND;TZID=Asia/Shanghai:20260119T110000",
        source="RFC 5545 3.8.1.11",
    ),
    _series(
        "RECURRENCE-ID;RANGE=THISANDFUTURE",
        "FREQ=WEEKLY;COUNT=6",
        compiled("two series", "拆为两个系列"),
        compiled("two series", "拆为两个系列"),
        *_OVERRIDE,
        "RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Asia/Shanghai:20260126T100000",
        "DTSTART;TZID=Asia/Shanghai:20260126T140000",
        "DTEND;TZID=Asia/Shanghai:20260126T150000",
        source="RFC 5545 3.2.13",
    ),
    row(
        _S,
        "only a changed occurrence",
        "RFC 4791 4.1",
        (
            "RECURRENCE-ID;TZID=Asia/Shanghai:20260112T100000",
            "DTSTART;TZID=Asia/Shanghai:20260112T140000",
            "DTEND;TZID=Asia/Shanghai:20260112T150000",
        ),
        compiled("a single event", "单次日程"),
        compiled("a single event", "单次日程"),
    ),
    # ---- zones
    _series(
        "series in a zone without changes",
        "FREQ=WEEKLY;COUNT=60",
        NATIVE,
        NATIVE,
        zone="Asia/Tokyo",
        source="RFC 5545 3.6.5",
    ),
    _series(
        "series in a zone with daylight saving time",
        "FREQ=WEEKLY;COUNT=60",
        compiled("one series per offset, so that the hour stays", "每个 UTC 偏移一个系列，保证钟点不变"),
        NATIVE,
        zone="Europe/Berlin",
        source="RFC 5545 3.6.5",
    ),
    _series(
        "series in a half-hour zone",
        "FREQ=WEEKLY;COUNT=8",
        native("at the whole hour next to it", "取相邻的整点偏移"),
        NATIVE,
        zone="Asia/Kolkata",
        source="RFC 5545 3.6.5",
    ),
    _series(
        "series in a half-hour zone with daylight saving time",
        "FREQ=WEEKLY;COUNT=50",
        compiled("one series per offset", "每个 UTC 偏移一个系列"),
        NATIVE,
        zone="Australia/Adelaide",
        source="RFC 5545 3.6.5",
    ),
    _series(
        "series beyond UTC+12",
        "FREQ=WEEKLY;COUNT=8",
        native("at UTC+12", "按 UTC+12"),
        NATIVE,
        zone="Pacific/Kiritimati",
        source="RFC 5545 3.6.5",
    ),
    row(
        _S,
        "series in UTC",
        "RFC 5545 3.3.5",
        ("DTSTART:20260112T020000Z", "DTEND:20260112T030000Z", "RRULE:FREQ=DAILY;COUNT=20"),
        NATIVE,
        NATIVE,
    ),
    row(
        _S,
        "floating series",
        "RFC 5545 3.3.5",
        ("DTSTART:20260112T100000", "DTEND:20260112T110000", "RRULE:FREQ=DAILY;COUNT=20"),
        NATIVE,
        NATIVE,
    ),
    row(
        _S,
        "all-day series",
        "RFC 5545 3.3.4",
        ("DTSTART;VALUE=DATE:20260112", "DTEND;VALUE=DATE:20260114", "RRULE:FREQ=WEEKLY;COUNT=10"),
        NATIVE,
        NATIVE,
    ),
    _series(
        "series in a zone that no known one equals",
        "FREQ=WEEKLY;COUNT=60",
        refused(),
        refused(),
        zone="Nowhere",
        source="RFC 5545 3.6.5",
    ),
    _series(
        "series that began long ago",
        "FREQ=WEEKLY",
        native("its whole past is shown", "包括全部过去的日程"),
        native("its whole past is shown", "包括全部过去的日程"),
        start="20240108T100000",
    ),
    _series(
        "more items than compile_items_max",
        "FREQ=MINUTELY;INTERVAL=61;COUNT=70",
        refused("60 by default", "默认 60 个"),
        refused("60 by default", "默认 60 个"),
    ),
)
