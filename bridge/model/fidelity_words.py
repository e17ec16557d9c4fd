"""Every sentence about what a vendor cannot hold, in both languages. PURE data.

Keys are ``vendor.NAME.case``; without a vendor where no calendar here can hold the thing. Numbers are filled in by
whoever says the sentence. The English one is what protocols carry; :func:`bridge.model.fidelity.in_chinese` finds
the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.model.fidelity_kinds import Said, Sentence, Words

if TYPE_CHECKING:
    from collections.abc import Mapping


def _loss(vendor: str, what: str, en: str, zh: str) -> Sentence:
    return Sentence(vendor=vendor, what=what, said=Said.LOSS, words=Words(en, zh))


def _refusal(vendor: str, what: str, en: str, zh: str) -> Sentence:
    return Sentence(vendor=vendor, what=what, said=Said.REFUSAL, words=Words(en, zh))


_ICAL: Final[Mapping[str, Sentence]] = {
    "VTODO": _refusal(
        "", "VTODO", "Only events can be kept here, not tasks.", "这里只能保存日程，不能保存待办事项。"
    ),
    "VJOURNAL": _refusal(
        "",
        "VJOURNAL",
        "Only events can be kept here, not journal entries.",
        "这里只能保存日程，不能保存日志。",
    ),
    "VFREEBUSY": _refusal(
        "",
        "VFREEBUSY",
        "Only events can be kept here, not free-busy data.",
        "这里只能保存日程，不能保存忙闲信息。",
    ),
    "VAVAILABILITY": _refusal(
        "",
        "VAVAILABILITY",
        "Only events can be kept here, not availability.",
        "这里只能保存日程，不能保存可用时间。",
    ),
    "VERSION": _refusal(
        "",
        "VERSION",
        "This is vCalendar 1.0; send iCalendar 2.0.",
        "这是 vCalendar 1.0，请改用 iCalendar 2.0。",
    ),
    "CALSCALE": _refusal(
        "",
        "CALSCALE",
        "CALSCALE on line {line}: only the Gregorian calendar can be held.",
        "第 {line} 行 CALSCALE：只支持公历。",
    ),
    "EXRULE": _refusal(
        "",
        "EXRULE",
        "EXRULE on line {line} is no longer part of iCalendar; use EXDATE.",
        "第 {line} 行的 EXRULE 已不属于 iCalendar，请改用 EXDATE。",
    ),
    "RRULE.RSCALE": _refusal(
        "",
        "RRULE",
        "{where} counts in another calendar than the Gregorian one (RSCALE); no calendar here can hold that.",
        "{where}：不支持公历以外的历法（RSCALE）。",
    ),
    "RRULE.SKIP": _refusal(
        "",
        "RRULE",
        "{where} moves days that do not exist (SKIP, RFC 7529); no calendar here can hold that.",
        "{where}：不支持跳移不存在的日期（SKIP，RFC 7529）。",
    ),
    "RRULE.endless": _refusal(
        "",
        "RRULE",
        "{where} repeats {freq} for ever; give it an end, or use a daily rule.",
        "{where} 以 {freq} 无限重复；请设置结束时间，或改为按天重复。",
    ),
    "RRULE.items": _refusal(
        "",
        "RRULE",
        "This series would take {count} separate entries at {kind}, which has no rule like it; at most {most} are "
        "made. A simpler rule (every n days, weeks or months), an end date, or fewer changed occurrences would help.",
        "{kind} 没有这样的重复规则，需要拆成 {count} 个日程，最多允许 {most} 个。请简化规则、设置结束日期，或减少单独修改的日程。",
    ),
    "RRULE.past": _loss(
        "",
        "RRULE",
        "All of this series is over, and {kind} has no rule like it: its past is kept here and not written there.",
        "该系列已全部结束，{kind} 没有这样的重复规则：过去的日程只保存在这里，不写入该平台。",
    ),
    "TZID.custom": _refusal(
        "",
        "TZID",
        "The time zone {name} is defined by rules that are those of no known zone; choose a zone from your "
        "calendar's list.",
        "时区 {name} 的规则与任何已知时区都不同，请从日历的列表中选择时区。",
    ),
    "ATTENDEE.answer": _refusal(
        "wecom",
        "ATTENDEE",
        "this vendor takes answers to invitations only in its own app; answer there, the calendar will follow",
        "该平台只接受在其自己的应用中答复邀请；请在应用中答复，日历会随之更新",
    ),
}

_WECOM: Final[Mapping[str, Sentence]] = {
    "wecom.STATUS.cancelled": _refusal(
        "wecom",
        "STATUS",
        "WeCom does not keep cancelled events; delete it instead",
        "企业微信不保存已取消的日程；请直接删除",
    ),
    "wecom.STATUS.tentative": _loss(
        "wecom",
        "STATUS",
        "WeCom has no tentative events; it is shown as a normal one",
        "企业微信没有“暂定”日程，按普通日程显示",
    ),
    "wecom.TEXT.long": _refusal(
        "wecom",
        "SUMMARY",
        "the {what} has {length} characters; WeCom holds at most {most}: shorten it",
        "{what} 有 {length} 个字符，企业微信最多 {most} 个，请缩短",
    ),
    "wecom.DTEND.zero": _refusal(
        "wecom",
        "DTEND",
        "WeCom only holds events that end after they start; give it a length",
        "企业微信只保存结束晚于开始的日程，请设置时长",
    ),
    "wecom.DTSTART.year": _refusal(
        "wecom",
        "DTSTART",
        "WeCom only holds times from 1970 to {last}; choose another date",
        "企业微信只保存 1970 到 {last} 年的时间，请选择其他日期",
    ),
    "wecom.ATTENDEE.many": _refusal(
        "wecom",
        "ATTENDEE",
        "{count} attendees are more than the {most} that WeCom holds",
        "参与者有 {count} 人，超过企业微信上限 {most} 人",
    ),
    "wecom.ATTENDEE.stranger": _loss(
        "wecom",
        "ATTENDEE",
        "{count} of the attendees are not in the WeCom directory; WeCom does not invite them",
        "有 {count} 位参与者不在企业微信通讯录中，企业微信不会邀请他们",
    ),
    "wecom.ATTENDEE.optional": _loss(
        "wecom",
        "ATTENDEE",
        "WeCom does not tell optional attendees apart ({count})",
        "企业微信不区分可选参与者（{count} 位）",
    ),
    "wecom.ATTENDEE.alone": _loss(
        "wecom",
        "ATTENDEE",
        "you are not invited to your own event; it is in your calendar anyway",
        "不会邀请您本人参加自己的日程，它本来就在您的日历中",
    ),
    "wecom.ORGANIZER": _loss(
        "wecom",
        "ORGANIZER",
        "WeCom keeps no organizer; the app counts as the maker",
        "企业微信不保存组织者，创建者为应用",
    ),
    "wecom.X-ALT-DESC": _loss(
        "wecom", "X-ALT-DESC", "WeCom shows the plain description only", "企业微信只显示纯文本描述"
    ),
    "wecom.URL": _loss("wecom", "URL", "WeCom has no field for a link", "企业微信没有链接字段"),
    "wecom.VALARM.early": _loss(
        "wecom",
        "VALARM",
        "WeCom has no reminder as early as {wanted}; it is left to your calendar program",
        "企业微信没有这么早的提醒（{wanted}），由您的日历程序提醒",
    ),
    "wecom.VALARM.moved": _loss(
        "wecom",
        "VALARM",
        "WeCom has no reminder {wanted}; it reminds {given} instead",
        "企业微信没有这个提醒时间（{wanted}），改为 {given}",
    ),
}

_DINGTALK: Final[Mapping[str, Sentence]] = {
    "dingtalk.STATUS.cancelled": _refusal(
        "dingtalk",
        "STATUS",
        "DingTalk has no way to mark an event as cancelled but to delete it; delete it instead",
        "钉钉只能通过删除来取消日程；请直接删除",
    ),
    "dingtalk.STATUS.tentative": _loss(
        "dingtalk", "STATUS", "DingTalk has no tentative events", "钉钉没有“暂定”日程"
    ),
    "dingtalk.TEXT.long": _refusal(
        "dingtalk",
        "SUMMARY",
        "{what} has {length} characters; DingTalk holds at most {most}",
        "{what} 有 {length} 个字符，钉钉最多 {most} 个",
    ),
    "dingtalk.SUMMARY.empty": _loss(
        "dingtalk",
        "SUMMARY",
        "DingTalk refuses an empty title and shows {shown} instead",
        "钉钉不接受空标题，显示为 {shown}",
    ),
    "dingtalk.DTSTART.year": _refusal(
        "dingtalk",
        "DTSTART",
        "the year {year} is outside {first} to {last}",
        "{year} 年超出 {first} 至 {last} 年的范围",
    ),
    "dingtalk.TZID.unnamed": _loss(
        "dingtalk",
        "TZID",
        "DingTalk has no name for this time zone; the time is sent in UTC",
        "钉钉没有这个时区的名称，时间以 UTC 发送",
    ),
    "dingtalk.ATTENDEE.many": _refusal(
        "dingtalk",
        "ATTENDEE",
        "the event has {count} attendees; DingTalk holds at most {most}",
        "日程有 {count} 位参与者，钉钉最多 {most} 位",
    ),
    "dingtalk.ATTENDEE.stranger": _loss(
        "dingtalk", "ATTENDEE", "{address} is nobody whom DingTalk knows", "钉钉通讯录中没有 {address}"
    ),
    "dingtalk.ORGANIZER": _loss(
        "dingtalk",
        "ORGANIZER",
        "in DingTalk the organizer is whoever's calendar it is: you",
        "在钉钉中，组织者就是日历的主人：您本人",
    ),
    "dingtalk.ORGANIZER.guest": _refusal(
        "dingtalk",
        "ORGANIZER",
        "in DingTalk only the organizer may change an event; you can answer it or delete your own copy",
        "在钉钉中只有组织者能修改日程；您可以答复，或删除自己的副本",
    ),
    "dingtalk.X-ALT-DESC.long": _loss(
        "dingtalk",
        "X-ALT-DESC",
        "the formatted text has {length} characters; at most {most} are sent to DingTalk",
        "富文本有 {length} 个字符，最多向钉钉发送 {most} 个",
    ),
    "dingtalk.X-ALT-DESC.other": _loss(
        "dingtalk",
        "X-ALT-DESC",
        "the formatted text says something else than the plain one",
        "富文本与纯文本内容不同",
    ),
    "dingtalk.URL": _loss(
        "dingtalk",
        "URL",
        "DingTalk holds no links but those of its own meetings",
        "钉钉只保存自己的会议链接",
    ),
    "dingtalk.VALARM.after": _loss(
        "dingtalk", "VALARM", "DingTalk has no reminders after the start", "钉钉没有开始之后的提醒"
    ),
    "dingtalk.VALARM.seconds": _loss(
        "dingtalk",
        "VALARM",
        "DingTalk reminds at whole minutes: {minutes} minutes before instead of {seconds} s",
        "钉钉按整分钟提醒：提前 {minutes} 分钟，而不是 {seconds} 秒",
    ),
}

SENTENCES: Final[Mapping[str, Sentence]] = {**_ICAL, **_WECOM, **_DINGTALK}
"""Every sentence, by key."""
