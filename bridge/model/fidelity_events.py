"""The fidelity table, part one: properties of a VEVENT, kinds of values, parameters. PURE data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.model.fidelity_kinds import Cell, Fate, Row, Section, Words

if TYPE_CHECKING:
    from collections.abc import Sequence

_E: Final = Section.EVENT
_V: Final = Section.VALUE
_P: Final = Section.PARAMETER


def native(en: str = "", zh: str = "", *, back: bool = True) -> Cell:
    """Return the cell of what the vendor holds."""
    return Cell(out=Fate.NATIVE, back=back, why=Words(en, zh))


def kept(en: str = "", zh: str = "", *, back: bool = False) -> Cell:
    """Return the cell of what only the bridge holds."""
    return Cell(out=Fate.KEPT, back=back, why=Words(en, zh))


def compiled(en: str = "", zh: str = "") -> Cell:
    """Return the cell of a series that becomes several items."""
    return Cell(out=Fate.COMPILED, back=True, why=Words(en, zh))


def refused(en: str = "", zh: str = "", *, back: bool = False) -> Cell:
    """Return the cell of what is answered with 403."""
    return Cell(out=Fate.REFUSED, back=back, why=Words(en, zh))


def row(
    section: Section, name: str, source: str, example: str | Sequence[str], wecom: Cell, dingtalk: Cell
) -> Row:
    """Return a row whose cells differ."""
    lines = (example,) if isinstance(example, str) else tuple(example)
    return Row(
        section=section,
        name=name,
        source=source,
        example=lines,
        cells={"wecom": wecom, "dingtalk": dingtalk},
    )


def same(section: Section, name: str, source: str, example: str | Sequence[str], cell: Cell) -> Row:
    """Return a row with one fate for all vendors."""
    return row(section, name, source, example, cell, cell)


EVENTS: Final = (
    # ---- RFC 5545 3.8.1: descriptive
    same(
        _E,
        "ATTACH",
        "RFC 5545 3.8.1.1",
        "ATTACH;FMTTYPE=application/pdf:https://files.example.com/plan.pdf",
        kept(),
    ),
    same(_E, "CATEGORIES", "RFC 5545 3.8.1.2", "CATEGORIES:Project X,Travel", kept()),
    same(
        _E,
        "CLASS",
        "RFC 5545 3.8.1.3",
        "CLASS:PRIVATE",
        kept("nobody at the vendor sees less because of it", "平台上的可见范围不因此改变"),
    ),
    same(_E, "COMMENT", "RFC 5545 3.8.1.4", "COMMENT:bring the red folder", kept()),
    row(
        _E,
        "DESCRIPTION",
        "RFC 5545 3.8.1.5",
        "DESCRIPTION:Bring notes\\, please\\nSecond line",
        native(
            "up to {description_chars_max} characters, longer is refused",
            "最多 {description_chars_max} 个字符，超出则拒绝",
        ),
        native(
            "up to {description_chars_max} UTF-16 units, longer is refused",
            "最多 {description_chars_max} 个 UTF-16 单元，超出则拒绝",
        ),
    ),
    same(_E, "GEO", "RFC 5545 3.8.1.6", "GEO:31.2304;121.4737", kept()),
    row(
        _E,
        "LOCATION",
        "RFC 5545 3.8.1.7",
        "LOCATION:Room 5\\; east wing",
        native(
            "up to {location_chars_max} characters, longer is refused",
            "最多 {location_chars_max} 个字符，超出则拒绝",
        ),
        native(
            "up to {location_chars_max} UTF-16 units (our bound), longer is refused",
            "最多 {location_chars_max} 个 UTF-16 单元（桥接自定上限），超出则拒绝",
        ),
    ),
    same(_E, "PRIORITY", "RFC 5545 3.8.1.9", "PRIORITY:3", kept()),
    same(_E, "RESOURCES", "RFC 5545 3.8.1.10", "RESOURCES:PROJECTOR,EASEL", kept()),
    same(
        _E,
        "STATUS:CONFIRMED",
        "RFC 5545 3.8.1.11",
        "STATUS:CONFIRMED",
        native("cancelled there: deleted here", "平台取消后，这里也删除"),
    ),
    same(
        _E,
        "STATUS:TENTATIVE",
        "RFC 5545 3.8.1.11",
        "STATUS:TENTATIVE",
        kept("shown as a normal event", "按普通日程显示"),
    ),
    same(
        _E,
        "STATUS:CANCELLED",
        "RFC 5545 3.8.1.11",
        "STATUS:CANCELLED",
        refused(
            "of a whole event; of one occurrence it removes that occurrence", "整个日程；单次日程则移除该次"
        ),
    ),
    row(
        _E,
        "SUMMARY",
        "RFC 5545 3.8.1.12",
        "SUMMARY:Quarterly review\\, part 2",
        native(
            "up to {summary_chars_max} characters, longer is refused",
            "最多 {summary_chars_max} 个字符，超出则拒绝",
        ),
        native(
            "up to {summary_chars_max} UTF-16 units, longer is refused; empty is shown as （无标题）",
            "最多 {summary_chars_max} 个 UTF-16 单元，超出则拒绝；空标题显示为（无标题）",
        ),
    ),
    # ---- RFC 5545 3.8.2: date and time
    same(
        _E,
        "DTSTART, DTEND",
        "RFC 5545 3.8.2.2, 3.8.2.4",
        (),
        native("years {year_min} to {year_max}", "{year_min} 至 {year_max} 年"),
    ),
    same(
        _E,
        "DURATION",
        "RFC 5545 3.8.2.5",
        "DURATION:PT1H30M",
        native("stays a DURATION in the text", "文本中仍为 DURATION"),
    ),
    same(
        _E,
        "TRANSP",
        "RFC 5545 3.8.2.7",
        "TRANSP:TRANSPARENT",
        kept("the vendor shows the time as busy", "平台仍显示为忙碌"),
    ),
    # ---- RFC 5545 3.8.4: relationship
    row(
        _E,
        "ATTENDEE",
        "RFC 5545 3.8.4.1",
        "ATTENDEE;CN=Guest:mailto:{guest}",
        native(
            "members of the company, up to {attendees_max}; others are kept",
            "企业成员，最多 {attendees_max} 位；其他人仅保留",
        ),
        native(
            "people of the organisation, up to {attendees_max}; others are kept",
            "组织成员，最多 {attendees_max} 位；其他人仅保留",
        ),
    ),
    same(
        _E,
        "ATTENDEE outside the directory",
        "RFC 5545 3.8.4.1",
        "ATTENDEE;CN=Stranger:mailto:stranger@elsewhere.example",
        kept(
            "not invited by the vendor; marked SCHEDULE-STATUS=3.7", "平台不会邀请；标记 SCHEDULE-STATUS=3.7"
        ),
    ),
    same(_E, "CONTACT", "RFC 5545 3.8.4.2", "CONTACT:Front desk\\, +86 21 0000 0000", kept()),
    row(
        _E,
        "ORGANIZER",
        "RFC 5545 3.8.4.3",
        "ORGANIZER;CN=Somebody:mailto:boss@elsewhere.example",
        kept("the app counts as the maker", "创建者为应用"),
        kept(
            "the calendar's owner organizes; invitations name theirs",
            "组织者是日历的主人；收到的邀请显示其组织者",
            back=True,
        ),
    ),
    same(_E, "RELATED-TO", "RFC 5545 3.8.4.5", "RELATED-TO:other-event@example.com", kept()),
    row(
        _E,
        "URL",
        "RFC 5545 3.8.4.6",
        "URL:https://wiki.example.com/agenda?x=1;y=2",
        kept(),
        kept(
            "a DingTalk meeting's link arrives as URL and CONFERENCE; a URL of the client's own stays",
            "钉钉会议链接同时显示为 URL 和 CONFERENCE；客户端自己的 URL 保持不变",
            back=True,
        ),
    ),
    same(
        _E,
        "UID",
        "RFC 5545 3.8.4.7",
        (),
        kept("never changes; the vendor's id is remembered beside it", "永不改变；平台 ID 另行记录"),
    ),
    # ---- RFC 5545 3.8.7, 3.8.8: change management, miscellaneous
    same(_E, "CREATED", "RFC 5545 3.8.7.1", "CREATED:20251201T080000Z", kept()),
    same(
        _E,
        "DTSTAMP",
        "RFC 5545 3.8.7.2",
        (),
        kept("renewed when a change of the vendor is laid over", "平台修改时更新"),
    ),
    same(
        _E,
        "LAST-MODIFIED",
        "RFC 5545 3.8.7.3",
        "LAST-MODIFIED:20251201T080000Z",
        kept("renewed when a change of the vendor is laid over", "平台修改时更新"),
    ),
    same(
        _E,
        "SEQUENCE",
        "RFC 5545 3.8.7.4",
        "SEQUENCE:4",
        kept("counted up when the vendor changes time, rule or place", "平台修改时间、规则或地点时加一"),
    ),
    same(_E, "REQUEST-STATUS", "RFC 5545 3.8.8.3", "REQUEST-STATUS:2.0;Success", kept()),
    same(_E, "any other property", "RFC 5545 3.8.8.1", "SOMETHING-NEW;FOO=bar:registered next year", kept()),
    # ---- RFC 7986, 9073, 9253
    same(_E, "COLOR", "RFC 7986 5.9", "COLOR:tomato", kept()),
    same(
        _E,
        "IMAGE",
        "RFC 7986 5.10",
        "IMAGE;VALUE=URI;DISPLAY=BADGE;FMTTYPE=image/png:https://img.example.com/p.png",
        kept(),
    ),
    row(
        _E,
        "CONFERENCE",
        "RFC 7986 5.11",
        "CONFERENCE;VALUE=URI;FEATURE=VIDEO,AUDIO;LABEL=Join:https://meet.example.com/abc",
        kept(),
        kept("a DingTalk meeting's own link arrives", "显示钉钉会议自己的链接", back=True),
    ),
    same(
        _E,
        "STYLED-DESCRIPTION",
        "RFC 9073 6.5",
        "STYLED-DESCRIPTION;VALUE=TEXT;FMTTYPE=text/html:<p>Agenda</p>",
        kept(),
    ),
    same(
        _E,
        "STRUCTURED-DATA",
        "RFC 9073 6.6",
        'STRUCTURED-DATA;FMTTYPE=application/ld+json;SCHEMA="https://schema.org/Event";VALUE=TEXT:{}',
        kept(),
    ),
    same(_E, "CONCEPT", "RFC 9253 8.1", "CONCEPT:https://example.com/event-types/arts", kept()),
    same(
        _E,
        "LINK",
        "RFC 9253 8.2",
        "LINK;LINKREL=SOURCE;LABEL=Venue;VALUE=URI:https://example.com/venue",
        kept(),
    ),
    same(_E, "REFID", "RFC 9253 8.3", "REFID:itinerary-2026-01", kept()),
)

_ONE_DAY: Final = ("DTSTART;VALUE=DATE:20260112", "DTEND;VALUE=DATE:20260113")

VALUES: Final = (
    same(
        _V,
        "time in an IANA zone",
        "RFC 5545 3.3.5",
        ("DTSTART;TZID=Europe/Berlin:20260112T090000", "DTEND;TZID=Europe/Berlin:20260112T100000"),
        native("the same instant", "同一时刻"),
    ),
    same(
        _V,
        "time in UTC",
        "RFC 5545 3.3.5",
        ("DTSTART:20260112T010000Z", "DTEND:20260112T020000Z"),
        native("the same instant", "同一时刻"),
    ),
    same(
        _V,
        "floating time",
        "RFC 5545 3.3.5",
        ("DTSTART:20260112T090000", "DTEND:20260112T100000"),
        native(
            "in the source's default_timezone; stays floating in the text",
            "按来源的 default_timezone 理解；文本中仍为浮动时间",
        ),
    ),
    same(
        _V,
        "time in a Windows zone",
        "CLDR windowsZones",
        (
            "DTSTART;TZID=W. Europe Standard Time:20260112T090000",
            "DTEND;TZID=W. Europe Standard Time:20260112T100000",
        ),
        native("the same instant", "同一时刻"),
    ),
    same(
        _V,
        "time in a half-hour zone",
        "RFC 5545 3.3.5",
        ("DTSTART;TZID=Asia/Kolkata:20260112T090000", "DTEND;TZID=Asia/Kolkata:20260112T100000"),
        native("the same instant", "同一时刻"),
    ),
    same(
        _V,
        "DTEND in another zone",
        "RFC 5545 3.8.2.2",
        ("DTSTART;TZID=Asia/Shanghai:20260112T090000", "DTEND;TZID=Asia/Tokyo:20260112T120000"),
        native("the same instants", "同一时刻"),
    ),
    same(
        _V,
        "all-day",
        "RFC 5545 3.3.4",
        _ONE_DAY,
        native("dates on every path, never an instant", "始终按日期处理，不转换为时刻"),
    ),
    same(
        _V,
        "all-day, several days",
        "RFC 5545 3.3.4",
        ("DTSTART;VALUE=DATE:20260112", "DTEND;VALUE=DATE:20260115"),
        native("the end is exclusive", "结束日期不含"),
    ),
    same(
        _V,
        "all-day without DTEND",
        "RFC 5545 3.6.1",
        ("DTSTART;VALUE=DATE:20260112",),
        native("one day", "一天"),
    ),
    same(
        _V,
        "timed, several days",
        "RFC 5545 3.6.1",
        ("DTSTART;TZID=Asia/Shanghai:20260112T220000", "DTEND;TZID=Asia/Shanghai:20260114T020000"),
        native(),
    ),
    row(
        _V,
        "no length (no DTEND, or DTEND = DTSTART)",
        "RFC 5545 3.6.1",
        ("DTSTART;TZID=Asia/Shanghai:20260112T090000",),
        refused("give it a length", "请设置时长"),
        native(),
    ),
    same(
        _V,
        "time in a zone that only the file defines",
        "RFC 5545 3.6.5",
        ("DTSTART;TZID=Our own:20260112T090000", "DTEND;TZID=Our own:20260112T100000"),
        native("the same instant", "同一时刻"),
    ),
    same(
        _V,
        "a year beyond the vendor's",
        "reference 5.1, 4.1",
        ("DTSTART;TZID=Asia/Shanghai:22000112T090000", "DTEND;TZID=Asia/Shanghai:22000112T100000"),
        refused("years {year_min} to {year_max}", "{year_min} 至 {year_max} 年"),
    ),
)

PARAMETERS: Final = (
    same(
        _P,
        "ALTREP",
        "RFC 5545 3.2.1",
        'COMMENT;ALTREP="cid:part1@example.com":plain',
        kept("dropped where the vendor changes the words it stands beside", "平台修改对应文字时去掉"),
    ),
    row(
        _P,
        "CN",
        "RFC 5545 3.2.2",
        "ATTENDEE;CN=Li Si:mailto:{guest}",
        kept("the vendor shows its own directory's name", "平台显示通讯录中的姓名"),
        kept("the vendor shows its own directory's name", "平台显示通讯录中的姓名"),
    ),
    same(_P, "CUTYPE", "RFC 5545 3.2.3", "ATTENDEE;CUTYPE=ROOM:mailto:room@elsewhere.example", kept()),
    same(
        _P,
        "DELEGATED-FROM",
        "RFC 5545 3.2.4",
        'ATTENDEE;DELEGATED-FROM="mailto:a@elsewhere.example":mailto:{guest}',
        kept(),
    ),
    same(
        _P,
        "DELEGATED-TO",
        "RFC 5545 3.2.5",
        'ATTENDEE;DELEGATED-TO="mailto:b@elsewhere.example":mailto:{guest}',
        kept(),
    ),
    same(_P, "DIR", "RFC 5545 3.2.6", 'ATTENDEE;DIR="ldap://example.com/cn=li":mailto:{guest}', kept()),
    same(_P, "ENCODING", "RFC 5545 3.2.7", "ATTACH;ENCODING=BASE64;VALUE=BINARY:aGVsbG8=", kept()),
    same(
        _P, "FMTTYPE", "RFC 5545 3.2.8", "ATTACH;FMTTYPE=text/plain:https://files.example.com/a.txt", kept()
    ),
    same(_P, "LANGUAGE", "RFC 5545 3.2.10", "COMMENT;LANGUAGE=de-DE:bitte", kept()),
    same(
        _P,
        "MEMBER",
        "RFC 5545 3.2.11",
        'ATTENDEE;MEMBER="mailto:list@elsewhere.example":mailto:{guest}',
        kept(),
    ),
    row(
        _P,
        "PARTSTAT of others",
        "RFC 5545 3.2.12",
        "ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:{guest}",
        kept("always what the vendor says", "始终以平台为准", back=True),
        kept("always what the vendor says", "始终以平台为准", back=True),
    ),
    row(
        _P,
        "PARTSTAT of one's own",
        "RFC 5545 3.2.12",
        "ATTENDEE;PARTSTAT=ACCEPTED:mailto:{me}",
        refused(
            "an answer to somebody's invitation is given in WeCom's app",
            "对他人邀请的答复须在企业微信应用中进行",
            back=True,
        ),
        native("an answer: ACCEPTED, DECLINED, TENTATIVE", "答复：接受、拒绝、暂定"),
    ),
    same(_P, "RELTYPE", "RFC 5545 3.2.15", "RELATED-TO;RELTYPE=SIBLING:other@example.com", kept()),
    row(
        _P,
        "ROLE=OPT-PARTICIPANT",
        "RFC 5545 3.2.16",
        "ATTENDEE;ROLE=OPT-PARTICIPANT:mailto:{guest}",
        kept("invited like everybody", "与其他人一样被邀请"),
        native(),
    ),
    same(_P, "ROLE=CHAIR", "RFC 5545 3.2.16", "ATTENDEE;ROLE=CHAIR:mailto:{guest}", kept()),
    same(_P, "RSVP", "RFC 5545 3.2.17", "ATTENDEE;RSVP=TRUE:mailto:{guest}", kept()),
    same(
        _P,
        "SENT-BY",
        "RFC 5545 3.2.18",
        'ATTENDEE;SENT-BY="mailto:secretary@elsewhere.example":mailto:{guest}',
        kept(),
    ),
    same(_P, "VALUE", "RFC 5545 3.2.20", "ATTACH;VALUE=URI:https://files.example.com/b", kept()),
    same(
        _P,
        "SCHEDULE-AGENT",
        "RFC 6638 7.1",
        "ATTENDEE;SCHEDULE-AGENT=CLIENT:mailto:{guest}",
        kept("the vendor always invites", "平台总会邀请"),
    ),
    same(
        _P,
        "SCHEDULE-FORCE-SEND",
        "RFC 6638 7.2",
        "ATTENDEE;SCHEDULE-FORCE-SEND=REQUEST:mailto:{guest}",
        kept(),
    ),
    same(
        _P,
        "SCHEDULE-STATUS",
        "RFC 6638 7.3",
        'ATTENDEE;SCHEDULE-STATUS="1.1":mailto:{guest}',
        kept("3.7 (nobody could be told) is the bridge's to say", "3.7（无法通知）由桥接填写"),
    ),
    same(
        _P,
        "DISPLAY",
        "RFC 7986 6.1",
        "IMAGE;VALUE=URI;DISPLAY=THUMBNAIL:https://img.example.com/t.png",
        kept(),
    ),
    same(
        _P,
        "EMAIL",
        "RFC 7986 6.2",
        "ATTENDEE;EMAIL={guest}:urn:uuid:0f0f1c2e-6a57-4a7e-9a55-000000000001",
        kept("a person whose address is no mailto: is found by it", "地址不是 mailto: 时，据此查找成员"),
    ),
    same(
        _P,
        "FEATURE, LABEL",
        "RFC 7986 6.3, 6.4",
        "CONFERENCE;VALUE=URI;FEATURE=PHONE;LABEL=Dial in:tel:+862100000000",
        kept(),
    ),
    same(
        _P,
        "DERIVED, ORDER, SCHEMA",
        "RFC 9073 5",
        'STRUCTURED-DATA;VALUE=URI;SCHEMA="https://schema.org/Place";DERIVED=TRUE;ORDER=1:https://example.com/p',
        kept(),
    ),
    same(
        _P,
        "LINKREL, GAP",
        "RFC 9253 6",
        "RELATED-TO;RELTYPE=FINISHTOSTART;GAP=PT5M:other@example.com",
        kept(),
    ),
    same(_P, "any X- parameter", "RFC 5545 3.2", "ATTENDEE;X-NUM-GUESTS=2;X-P=a^nb:mailto:{guest}", kept()),
)
