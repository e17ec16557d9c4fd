"""The fidelity table, part two: the calendar around an event, its alarms, zones and extensions. PURE data."""

from __future__ import annotations

from typing import Final

from bridge.model.fidelity_events import kept, native, refused, row, same
from bridge.model.fidelity_kinds import Section

_C: Final = Section.CALENDAR
_M: Final = Section.COMPONENT
_A: Final = Section.ALARM
_Z: Final = Section.ZONE
_X: Final = Section.EXTENSION

CALENDARS: Final = (
    same(_C, "PRODID", "RFC 5545 3.7.3", (), kept()),
    same(_C, "VERSION:2.0", "RFC 5545 3.7.4", (), kept()),
    same(_C, "VERSION:1.0", "vCalendar 1.0", "VERSION:1.0", refused("vCalendar", "vCalendar")),
    same(_C, "CALSCALE:GREGORIAN", "RFC 5545 3.7.1", "CALSCALE:GREGORIAN", kept()),
    same(
        _C,
        "CALSCALE of another calendar",
        "RFC 5545 3.7.1",
        "CALSCALE:CHINESE",
        refused("Gregorian dates only", "只支持公历"),
    ),
    same(_C, "METHOD", "RFC 5545 3.7.2", "METHOD:PUBLISH", kept()),
    same(_C, "NAME", "RFC 7986 5.1", "NAME:Work", kept()),
    same(_C, "DESCRIPTION", "RFC 7986 5.2", "DESCRIPTION:What we do", kept()),
    same(_C, "UID", "RFC 7986 5.3", "UID:calendar-1@example.com", kept()),
    same(_C, "LAST-MODIFIED", "RFC 7986 5.4", "LAST-MODIFIED:20251201T080000Z", kept()),
    same(_C, "URL", "RFC 7986 5.5", "URL:https://example.com/calendar", kept()),
    same(_C, "CATEGORIES", "RFC 7986 5.6", "CATEGORIES:Office", kept()),
    same(_C, "REFRESH-INTERVAL", "RFC 7986 5.7", "REFRESH-INTERVAL;VALUE=DURATION:P1D", kept()),
    same(_C, "SOURCE", "RFC 7986 5.8", "SOURCE;VALUE=URI:https://example.com/calendar.ics", kept()),
    same(_C, "COLOR", "RFC 7986 5.9", "COLOR:turquoise", kept()),
    same(_C, "IMAGE", "RFC 7986 5.10", "IMAGE;VALUE=URI:https://img.example.com/c.png", kept()),
    same(_C, "X-WR-CALNAME", "Apple", "X-WR-CALNAME:Alice", kept()),
    same(_C, "X-WR-CALDESC", "Apple", "X-WR-CALDESC:Alice's calendar", kept()),
    same(
        _C,
        "X-WR-TIMEZONE",
        "Apple",
        "X-WR-TIMEZONE:Asia/Shanghai",
        kept("says nothing about floating times here", "不影响浮动时间"),
    ),
    same(_C, "X-WR-RELCALID", "Apple", "X-WR-RELCALID:0001", kept()),
    same(_C, "X-APPLE-CALENDAR-COLOR", "Apple", "X-APPLE-CALENDAR-COLOR:#FF2968", kept()),
    same(_C, "X-PUBLISHED-TTL", "MS-OXCICAL", "X-PUBLISHED-TTL:PT1H", kept()),
    same(_C, "X-MS-OLK-FORCEINSPECTOROPEN", "MS-OXCICAL", "X-MS-OLK-FORCEINSPECTOROPEN:TRUE", kept()),
    same(_C, "any other property", "RFC 5545 3.7", "X-ANYTHING;P=1:value", kept()),
)

_TODO: Final = ("BEGIN:VTODO", "UID:{uid}", "DTSTAMP:20260101T000000Z", "SUMMARY:Buy milk", "END:VTODO")

COMPONENTS: Final = (
    same(
        _M,
        "VTODO",
        "RFC 5545 3.6.2",
        _TODO,
        refused("supported-calendar-component", "supported-calendar-component"),
    ),
    same(
        _M,
        "VJOURNAL",
        "RFC 5545 3.6.3",
        ("BEGIN:VJOURNAL", "UID:{uid}", "DTSTAMP:20260101T000000Z", "SUMMARY:Today", "END:VJOURNAL"),
        refused("supported-calendar-component", "supported-calendar-component"),
    ),
    same(
        _M,
        "VFREEBUSY",
        "RFC 5545 3.6.4",
        ("BEGIN:VFREEBUSY", "UID:{uid}", "DTSTAMP:20260101T000000Z", "END:VFREEBUSY"),
        refused("supported-calendar-component", "supported-calendar-component"),
    ),
    same(
        _M,
        "VAVAILABILITY",
        "RFC 7953 3.1",
        ("BEGIN:VAVAILABILITY", "UID:{uid}", "DTSTAMP:20260101T000000Z", "END:VAVAILABILITY"),
        refused("supported-calendar-component", "supported-calendar-component"),
    ),
    same(
        _M,
        "PARTICIPANT in a VEVENT",
        "RFC 9073 7.1",
        (
            "BEGIN:PARTICIPANT",
            "UID:speaker-1",
            "PARTICIPANT-TYPE:SPEAKER",
            "CALENDAR-ADDRESS:mailto:s@elsewhere.example",
            "END:PARTICIPANT",
        ),
        kept(),
    ),
    same(
        _M,
        "VLOCATION in a VEVENT",
        "RFC 9073 7.2",
        ("BEGIN:VLOCATION", "UID:place-1", "NAME:The venue", "LOCATION-TYPE:arena", "END:VLOCATION"),
        kept(),
    ),
    same(
        _M,
        "VRESOURCE in a VEVENT",
        "RFC 9073 7.3",
        ("BEGIN:VRESOURCE", "UID:thing-1", "RESOURCE-TYPE:PROJECTOR", "END:VRESOURCE"),
        kept(),
    ),
    same(
        _M,
        "any X- component in a VEVENT",
        "RFC 5545 3.6",
        ("BEGIN:X-BOX", "X-LID:closed", "END:X-BOX"),
        kept(),
    ),
)

_DISPLAY: Final = ("ACTION:DISPLAY", "DESCRIPTION:Reminder")
_NEAR: Final = "at {alarms_timed}; any other rings at the nearest one that is not later"
_NEAR_ZH: Final = "可用：{alarms_timed}；其他时间取不晚于它的最近一个"

ALARMS: Final = (
    row(
        _A,
        "TRIGGER before the start",
        "RFC 5545 3.8.6.3",
        (*_DISPLAY, "TRIGGER:-PT15M"),
        native(_NEAR, _NEAR_ZH),
        native("any whole minute", "任意整分钟"),
    ),
    row(
        _A,
        "TRIGGER before the end",
        "RFC 5545 3.2.14",
        (*_DISPLAY, "TRIGGER;RELATED=END:-PT1H15M"),
        native("counted from the start", "换算为开始前"),
        native("counted from the start", "换算为开始前"),
    ),
    row(
        _A,
        "TRIGGER at a moment, single event",
        "RFC 5545 3.8.6.3",
        (*_DISPLAY, "TRIGGER;VALUE=DATE-TIME:20260112T014500Z"),
        native("counted from the start", "换算为开始前"),
        native("counted from the start", "换算为开始前"),
    ),
    same(
        _A,
        "TRIGGER at a moment, series",
        "RFC 5545 3.8.6.3",
        (*_DISPLAY, "TRIGGER;VALUE=DATE-TIME:20260112T014500Z"),
        kept("rings in your calendar program only", "只在您的日历程序中提醒"),
    ),
    row(
        _A,
        "TRIGGER after the start",
        "RFC 5545 3.8.6.3",
        (*_DISPLAY, "TRIGGER:PT5M"),
        native("rings at the start", "在开始时提醒"),
        kept("rings in your calendar program only", "只在您的日历程序中提醒"),
    ),
    row(
        _A,
        "TRIGGER on the day of an all-day event",
        "RFC 5545 3.8.6.3",
        (*_DISPLAY, "TRIGGER:PT9H"),
        native("all-day: at {alarms_all_day}", "全天日程可用：{alarms_all_day}"),
        kept("DingTalk reminds at midnight or before", "钉钉只在零点或之前提醒"),
    ),
    same(
        _A,
        "ACTION:AUDIO",
        "RFC 5545 3.8.6.1",
        ("ACTION:AUDIO", "TRIGGER:-PT15M"),
        native("a reminder; the sound is kept", "作为提醒；声音仅保留"),
    ),
    same(
        _A,
        "ACTION:EMAIL",
        "RFC 5545 3.8.6.1",
        (
            "ACTION:EMAIL",
            "TRIGGER:-PT15M",
            "SUMMARY:Soon",
            "DESCRIPTION:Soon",
            "ATTENDEE:mailto:me@elsewhere.example",
        ),
        native("a reminder; nobody sends mail", "作为提醒；不会发送邮件"),
    ),
    same(
        _A,
        "DESCRIPTION",
        "RFC 5545 3.6.6",
        ("ACTION:DISPLAY", "DESCRIPTION:My own words", "TRIGGER:-PT15M"),
        kept(),
    ),
    same(
        _A,
        "SUMMARY, ATTENDEE",
        "RFC 5545 3.6.6",
        (
            "ACTION:EMAIL",
            "DESCRIPTION:x",
            "SUMMARY:Soon",
            "ATTENDEE:mailto:me@elsewhere.example",
            "TRIGGER:-PT15M",
        ),
        kept(),
    ),
    same(
        _A, "ATTACH", "RFC 5545 3.6.6", ("ACTION:AUDIO", "ATTACH;VALUE=URI:Chord", "TRIGGER:-PT15M"), kept()
    ),
    same(
        _A,
        "DURATION, REPEAT",
        "RFC 5545 3.8.6.2",
        (*_DISPLAY, "TRIGGER:-PT15M", "DURATION:PT5M", "REPEAT:2"),
        kept("rings once at the vendor", "平台只提醒一次"),
    ),
    same(_A, "UID", "RFC 9074 4", ("UID:alarm-1", *_DISPLAY, "TRIGGER:-PT15M"), kept()),
    same(
        _A,
        "ACKNOWLEDGED",
        "RFC 9074 6.1",
        (*_DISPLAY, "TRIGGER:-PT15M", "ACKNOWLEDGED:20260105T000000Z"),
        kept(),
    ),
    same(
        _A,
        "RELATED-TO;RELTYPE=SNOOZE",
        "RFC 9074 7.1",
        (*_DISPLAY, "TRIGGER;VALUE=DATE-TIME:20260112T015500Z", "RELATED-TO;RELTYPE=SNOOZE:alarm-1"),
        kept("a snoozed copy is no reminder", "推迟的副本不是提醒"),
    ),
    same(
        _A,
        "PROXIMITY",
        "RFC 9074 8.1",
        ("ACTION:DISPLAY", "DESCRIPTION:x", "TRIGGER;VALUE=DATE-TIME:20260112T015500Z", "PROXIMITY:ARRIVE"),
        kept("an alarm of a place is no reminder", "位置提醒不发送到平台"),
    ),
    same(
        _A,
        "ACTION:NONE",
        "Apple",
        ("ACTION:NONE", "TRIGGER;VALUE=DATE-TIME:19760401T005545Z"),
        kept("no reminder", "不提醒"),
    ),
    same(_A, "X-WR-ALARMUID", "Apple", ("X-WR-ALARMUID:1B4B4F7C-1111", *_DISPLAY, "TRIGGER:-PT15M"), kept()),
    same(
        _A,
        "X-APPLE-DEFAULT-ALARM",
        "Apple",
        ("ACTION:AUDIO", "TRIGGER:-PT20M", "X-APPLE-DEFAULT-ALARM:TRUE"),
        kept("a default of one device is no reminder", "设备默认提醒不发送到平台"),
    ),
    same(
        _A,
        "X-APPLE-PROXIMITY",
        "Apple",
        ("ACTION:DISPLAY", "DESCRIPTION:x", "TRIGGER:-PT15M", "X-APPLE-PROXIMITY:DEPART"),
        kept("an alarm of a place is no reminder", "位置提醒不发送到平台"),
    ),
    same(
        _A,
        "X-EVOLUTION-ALARM-UID",
        "Evolution",
        (*_DISPLAY, "TRIGGER:-PT15M", "X-EVOLUTION-ALARM-UID:abc"),
        kept(),
    ),
    same(
        _A, "any other property", "RFC 5545 3.6.6", (*_DISPLAY, "TRIGGER:-PT15M", "X-ANY;P=1:value"), kept()
    ),
)

_PLAIN: Final = ("BEGIN:STANDARD", "DTSTART:19700101T000000", "TZOFFSETFROM:+0800", "TZOFFSETTO:+0800")


def _zone(
    *lines: str, tzid: str = "Asia/Shanghai", inside: tuple[str, ...] = ("TZNAME:CST",)
) -> tuple[str, ...]:
    return ("BEGIN:VTIMEZONE", f"TZID:{tzid}", *lines, *_PLAIN, *inside, "END:STANDARD", "END:VTIMEZONE")


ZONES: Final = (
    same(_Z, "STANDARD, DAYLIGHT, TZOFFSETFROM, TZOFFSETTO", "RFC 5545 3.6.5", _zone(), kept()),
    same(_Z, "TZNAME", "RFC 5545 3.8.3.2", _zone(inside=("TZNAME;LANGUAGE=en:China time",)), kept()),
    same(_Z, "TZURL", "RFC 5545 3.8.3.5", _zone("TZURL:https://zones.example.com/Asia-Shanghai"), kept()),
    same(_Z, "LAST-MODIFIED", "RFC 5545 3.8.7.3", _zone("LAST-MODIFIED:20250101T000000Z"), kept()),
    same(_Z, "COMMENT", "RFC 5545 3.6.5", _zone(inside=("COMMENT:no summer time",)), kept()),
    same(_Z, "RRULE, RDATE", "RFC 5545 3.6.5", _zone(inside=("RDATE:19700101T000000",)), kept()),
    same(
        _Z,
        "TZUNTIL, TZID-ALIAS-OF",
        "RFC 7808 7",
        _zone("TZUNTIL:20500101T000000Z", "TZID-ALIAS-OF:PRC"),
        kept(),
    ),
    same(
        _Z,
        "X-LIC-LOCATION",
        "libical",
        _zone("X-LIC-LOCATION:Asia/Shanghai"),
        kept("names the zone where TZID does not", "TZID 不是已知时区时，据此确定时区"),
    ),
    same(_Z, "X-TZINFO", "Mozilla", _zone("X-TZINFO:Asia/Shanghai[2025b]"), kept()),
    same(_Z, "any other property", "RFC 5545 3.6.5", _zone("X-ANY:1"), kept()),
)

EXTENSIONS: Final = (
    # ---- Apple
    same(
        _X,
        "X-APPLE-STRUCTURED-LOCATION",
        "Apple",
        'X-APPLE-STRUCTURED-LOCATION;VALUE=URI;X-ADDRESS="1 Example Road";X-TITLE=Tower:geo:31.2304,121.4737',
        kept(),
    ),
    same(
        _X,
        "X-APPLE-TRAVEL-START",
        "Apple",
        "X-APPLE-TRAVEL-START;ROUTING=CAR;VALUE=URI;X-TITLE=Home:",
        kept(),
    ),
    same(_X, "X-APPLE-TRAVEL-DURATION", "Apple", "X-APPLE-TRAVEL-DURATION;VALUE=DURATION:PT30M", kept()),
    same(
        _X, "X-APPLE-TRAVEL-ADVISORY-BEHAVIOR", "Apple", "X-APPLE-TRAVEL-ADVISORY-BEHAVIOR:AUTOMATIC", kept()
    ),
    same(_X, "X-APPLE-CREATOR-IDENTITY", "Apple", "X-APPLE-CREATOR-IDENTITY:com.apple.mobilecal", kept()),
    same(_X, "X-APPLE-CREATOR-TEAM-IDENTITY", "Apple", "X-APPLE-CREATOR-TEAM-IDENTITY:0000000000", kept()),
    same(_X, "X-APPLE-EWS-BUSYSTATUS", "Apple", "X-APPLE-EWS-BUSYSTATUS:BUSY", kept()),
    same(_X, "X-APPLE-UNIVERSAL-ID", "Apple", "X-APPLE-UNIVERSAL-ID:0d9e4f4e", kept()),
    same(_X, "X-CALENDARSERVER-PRIVATE-COMMENT", "Apple", "X-CALENDARSERVER-PRIVATE-COMMENT:later", kept()),
    same(_X, "X-CALENDARSERVER-ACCESS", "Apple", "X-CALENDARSERVER-ACCESS:CONFIDENTIAL", kept()),
    # ---- Mozilla
    same(
        _X,
        "X-MOZ-LASTACK",
        "Mozilla",
        "X-MOZ-LASTACK:20260105T083012Z",
        kept("a dismissed reminder is nobody else's business", "关闭提醒不影响他人"),
    ),
    same(
        _X,
        "X-MOZ-SNOOZE-TIME",
        "Mozilla",
        "X-MOZ-SNOOZE-TIME:20260105T084500Z",
        kept("a snoozed reminder is nobody else's business", "推迟提醒不影响他人"),
    ),
    same(_X, "X-MOZ-SNOOZE-TIME-*", "Mozilla", "X-MOZ-SNOOZE-TIME-1768186800000000:20260105T084500Z", kept()),
    same(_X, "X-MOZ-GENERATION", "Mozilla", "X-MOZ-GENERATION:4", kept()),
    same(
        _X,
        "X-MOZ-SEND-INVITATIONS",
        "Mozilla",
        "X-MOZ-SEND-INVITATIONS:TRUE",
        kept("the vendor invites by its own rules", "平台按自己的规则邀请"),
    ),
    same(
        _X,
        "X-MOZ-SEND-INVITATIONS-UNDISCLOSED",
        "Mozilla",
        "X-MOZ-SEND-INVITATIONS-UNDISCLOSED:FALSE",
        kept(),
    ),
    same(
        _X,
        "X-MOZ-RECEIVED-SEQUENCE, X-MOZ-RECEIVED-DTSTAMP",
        "Mozilla",
        ("X-MOZ-RECEIVED-SEQUENCE:1", "X-MOZ-RECEIVED-DTSTAMP:20260101T000000Z"),
        kept(),
    ),
    same(
        _X, "X-MOZ-INVITED-ATTENDEE", "Mozilla", "X-MOZ-INVITED-ATTENDEE:mailto:me@elsewhere.example", kept()
    ),
    # ---- Microsoft
    row(
        _X,
        "X-ALT-DESC",
        "MS-OXCICAL",
        (
            "DESCRIPTION:Agenda follows.",
            "X-ALT-DESC;FMTTYPE=text/html:<html><body><p>Agenda <b>follows</b>.</p></body></html>",
        ),
        kept(
            "WeCom shows the plain text; a change of it there takes the old HTML away",
            "企业微信显示纯文本；纯文本在那里修改后，旧的 HTML 被去掉",
        ),
        native("where it says what DESCRIPTION says; else kept", "与 DESCRIPTION 内容一致时发送，否则仅保留"),
    ),
    same(_X, "X-MICROSOFT-CDO-BUSYSTATUS", "MS-OXCICAL", "X-MICROSOFT-CDO-BUSYSTATUS:OOF", kept()),
    same(_X, "X-MICROSOFT-CDO-INTENDEDSTATUS", "MS-OXCICAL", "X-MICROSOFT-CDO-INTENDEDSTATUS:BUSY", kept()),
    same(
        _X,
        "X-MICROSOFT-CDO-ALLDAYEVENT",
        "MS-OXCICAL",
        "X-MICROSOFT-CDO-ALLDAYEVENT:FALSE",
        kept("the form of DTSTART decides", "由 DTSTART 的形式决定"),
    ),
    same(_X, "X-MICROSOFT-CDO-IMPORTANCE", "MS-OXCICAL", "X-MICROSOFT-CDO-IMPORTANCE:1", kept()),
    same(_X, "X-MICROSOFT-CDO-INSTTYPE", "MS-OXCICAL", "X-MICROSOFT-CDO-INSTTYPE:0", kept()),
    same(
        _X,
        "X-MICROSOFT-CDO-APPT-SEQUENCE, -OWNERAPPTID",
        "MS-OXCICAL",
        ("X-MICROSOFT-CDO-APPT-SEQUENCE:3", "X-MICROSOFT-CDO-OWNERAPPTID:2118"),
        kept(),
    ),
    same(_X, "X-MICROSOFT-DISALLOW-COUNTER", "MS-OXCICAL", "X-MICROSOFT-DISALLOW-COUNTER:FALSE", kept()),
    same(
        _X, "X-MICROSOFT-LOCATIONS", "MS-OXCICAL", 'X-MICROSOFT-LOCATIONS:[{"DisplayName":"Room 3"}]', kept()
    ),
    same(
        _X,
        "X-MICROSOFT-SKYPETEAMSMEETINGURL",
        "Microsoft",
        "X-MICROSOFT-SKYPETEAMSMEETINGURL:https://teams.example.com/l/m",
        kept(),
    ),
    same(
        _X,
        "X-MS-OLK-CONFTYPE, X-MS-OLK-AUTOFILLLOCATION",
        "MS-OXCICAL",
        ("X-MS-OLK-CONFTYPE:0", "X-MS-OLK-AUTOFILLLOCATION:FALSE"),
        kept(),
    ),
    # ---- others
    same(
        _X, "X-GOOGLE-CONFERENCE", "Google", "X-GOOGLE-CONFERENCE:https://meet.example.com/abc-defg", kept()
    ),
    same(
        _X,
        "X-EVOLUTION-CALDAV-HREF",
        "Evolution",
        "X-EVOLUTION-CALDAV-HREF:https://cal.example.com/x.ics",
        kept(),
    ),
    same(
        _X,
        "X-FOSSIFY-*, X-SMT-*",
        "Android calendars",
        ("X-FOSSIFY-MISSING-YEAR:0", "X-SMT-CATEGORY-COLOR:-5317"),
        kept(),
    ),
    same(_X, "X-RADICALE-NAME", "Radicale", "X-RADICALE-NAME:1.ics", kept()),
    same(
        _X,
        "any other X- property",
        "RFC 5545 3.8.8.2",
        "X-CLIENT-THING;X-P=1:keep me, as I am; exactly",
        kept(),
    ),
)
