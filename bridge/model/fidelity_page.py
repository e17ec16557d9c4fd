"""The fidelity table as a page in both languages. PURE."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from bridge.model.fidelity import SENTENCES, TABLE, VENDORS
from bridge.model.fidelity_kinds import Fate, Said, Section

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bridge.model.fidelity_kinds import Cell, Row, Words
    from bridge.model.limits import Limits

NAMES: Final = {"wecom": "WeCom 企业微信", "dingtalk": "DingTalk 钉钉", "": "both 两者"}

FATES: Final = {
    Fate.NATIVE: "native 原生",
    Fate.KEPT: "kept 保留",
    Fate.COMPILED: "compiled 编译",
    Fate.REFUSED: "refused 拒绝",
}

SECTIONS: Final = {
    Section.CALENDAR: "The calendar (VCALENDAR) 日历",
    Section.COMPONENT: "Components 组件",
    Section.EVENT: "Properties of an event (VEVENT) 日程属性",
    Section.VALUE: "Times 时间",
    Section.PARAMETER: "Parameters 参数",
    Section.ALARM: "Alarms (VALARM) 提醒",
    Section.ZONE: "Time zone definitions (VTIMEZONE) 时区定义",
    Section.EXTENSION: "Extensions (X-) 扩展属性",
    Section.SERIES: "Series 重复日程",
}

HEAD: Final = """# Fidelity 保真度

What becomes of everything that a calendar program can write. Printed by `make docs` from the table in the code
(`bridge/model/fidelity*.py`) that the vendor mappings and the tests use; do not edit it here.

日历程序写出的每一种内容在两个平台上的结果。本页由代码中的表用 `make docs` 生成，平台映射与测试使用同一张表；
请勿直接修改。
"""

MEANINGS: Final = (
    (Fate.NATIVE, "the vendor holds it", "平台保存"),
    (
        Fate.KEPT,
        "the bridge holds it byte for byte and serves it back; a change of it costs no vendor call",
        "桥接逐字节保存并原样返回；修改它不调用平台",
    ),
    (
        Fate.COMPILED,
        "a series becomes several items at the vendor that show the same occurrences from today to the horizon; "
        "one object for the client",
        "重复日程拆为平台上的多个日程，从今天到视野范围内显示相同的各次；对客户端仍是一个对象",
    ),
    (
        Fate.REFUSED,
        "403 with the sentence; nothing is sent, nothing changes",
        "返回 403 与说明；不发送，不改变",
    ),
)

ARROW: Final = """
⇄ means that a change made at the vendor arrives here in this property. ⇄ 表示在平台上的修改会反映到此属性。
"""

BEFORE: Final = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
"""Units of alarm offsets, largest first, in seconds."""


def page(limits: Mapping[str, Limits]) -> str:
    """Return the page; ``limits`` fill in the numbers, by kind of vendor."""
    numbers = {kind: _numbers(one) for kind, one in limits.items()}
    parts = [HEAD, "\n", _heading("fate 结果", "means", "含义")]
    parts += [_line([FATES[fate], en, zh]) for fate, en, zh in MEANINGS]
    parts.append(ARROW)
    for section, title in SECTIONS.items():
        parts.append(
            f"\n## {title}\n\n{_heading('construct 内容', 'source 出处', *map(NAMES.__getitem__, VENDORS))}"
        )
        parts += [_row(row, numbers) for row in TABLE if row.section is section]
    parts.append(
        "\n## Sentences 说明文字\n\nWhat a receipt says of an edit that was carried out with a loss, and what a 403 "
    )
    parts.append("says. 修改已执行但有损失时回执中的说明，以及 403 的说明。\n\n")
    parts.append(_heading("vendor 平台", "about 对象", "kind 类别", "English", "中文"))
    for said in SENTENCES.values():
        kind = "receipt 回执" if said.said is Said.LOSS else "403"
        parts.append(_line([NAMES[said.vendor], f"`{said.what}`", kind, said.words.en, said.words.zh]))
    return "".join(parts)


def _row(row: Row, numbers: Mapping[str, Mapping[str, str]]) -> str:
    cells = [_cell(row.cells[vendor], numbers[vendor]) for vendor in VENDORS]
    return _line([row.name, row.source, *cells])


def _cell(cell: Cell, numbers: Mapping[str, str]) -> str:
    arrow = " ⇄" if cell.back else ""
    return f"{FATES[cell.out]}{arrow}{_why(cell.why, numbers)}"


def _why(why: Words, numbers: Mapping[str, str]) -> str:
    if not why.en:
        return ""
    both = [why.en] if why.en == why.zh else [why.en, why.zh]
    return ": " + " · ".join(text.format_map(numbers) for text in both)


def _numbers(limits: Limits) -> dict[str, str]:
    """Return what may stand in braces: every number of a vendor, lists of alarms as words."""
    values = {field.name: getattr(limits, field.name) for field in dataclasses.fields(limits)}
    return {name: _text(name, value) for name, value in values.items()}


def _text(name: str, value: object) -> str:
    if name.startswith("alarms_") and isinstance(value, tuple):
        return ", ".join(_distance(seconds) for seconds in sorted(value))
    return str(value)


def _distance(before_start_s: int) -> str:
    """Return seconds before the start in the largest unit that divides them; after the start with a plus sign."""
    if not before_start_s:
        return "0"
    size, unit = next((size, unit) for size, unit in BEFORE if before_start_s % size == 0)
    return f"{'-' if before_start_s > 0 else '+'}{abs(before_start_s) // size} {unit}"


def _heading(*titles: str) -> str:
    return _line(titles) + _line(["---"] * len(titles))


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"
