"""Times, ages and names of states, in both languages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.clock import utc_from_ms

if TYPE_CHECKING:
    from collections.abc import Mapping
    from zoneinfo import ZoneInfo

STATES: Final[Mapping[str, tuple[str, str]]] = {
    "starting": ("Starting", "正在启动"),
    "backfilling": ("Loading older events", "正在载入较早的日程"),
    "connected": ("Connected", "已连接"),
    "delayed": ("Delayed", "延迟"),
    "throttled": ("Paused by the vendor", "被平台限流"),
    "unauthorised": ("Needs an administrator", "需要管理员处理"),
    "quarantined": ("Deletions held", "批量删除已暂缓"),
    "unlinked": ("Not linked", "未关联"),
}
"""State -> what a person reads."""
OUTCOMES: Final[Mapping[str, tuple[str, str]]] = {
    "waiting": ("On its way", "等待送达"),
    "in doubt": ("Being checked with the vendor", "正在与平台核对"),
    "applied": ("Done", "已完成"),
    "merged": ("Done, merged with a change by somebody else", "已完成（与他人的修改合并）"),
    "refused": ("Refused", "被拒绝"),
    "superseded": ("Replaced by your next edit", "已被您的下一次修改取代"),
}
ACTIONS: Final[Mapping[str, tuple[str, str]]] = {
    "put": ("Saved", "保存"),
    "delete": ("Deleted", "删除"),
    "move": ("Moved", "移动"),
}
VENDORS: Final[Mapping[str, tuple[str, str]]] = {
    "wecom": ("WeCom", "企业微信"),
    "dingtalk": ("DingTalk", "钉钉"),
}
DETAILS: Final[Mapping[str, tuple[str, str]]] = {
    "full": ("everything", "全部内容"),
    "title": ("titles and times", "标题和时间"),
    "busy": ("busy times only", "仅忙闲"),
}
STEPS: Final = ((86_400, "day", "天"), (3600, "hour", "小时"), (60, "minute", "分钟"))


def pick(lang: str, pair: tuple[str, str]) -> str:
    """Return the English or the Chinese of a pair."""
    return pair[1] if lang == "zh" else pair[0]


def named(table: Mapping[str, tuple[str, str]], name: str, lang: str) -> str:
    """Return the name of something; what has none shows as it is."""
    return pick(lang, table.get(name, (name, name)))


def age(seconds: float | None, lang: str) -> str:
    """Return ``3 minutes ago``."""
    if seconds is None:
        return pick(lang, ("never", "从未"))
    whole = max(0, int(seconds))
    for size, english, chinese in STEPS:
        if whole >= size:
            count = whole // size
            return (
                f"{count} {chinese}前"
                if lang == "zh"
                else f"{count} {english}{'s' if count != 1 else ''} ago"
            )
    return f"{whole} 秒前" if lang == "zh" else f"{whole} s ago"


def moment(at_ms: int | None, zone: ZoneInfo, lang: str) -> str:
    """Return a date and time as it is read in a zone."""
    if not at_ms:
        return pick(lang, ("never", "从未"))
    local = utc_from_ms(at_ms).astimezone(zone)
    return f"{local:%Y-%m-%d %H:%M}"
