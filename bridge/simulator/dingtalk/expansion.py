"""The starts of a series, worked out once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.simulator.dingtalk.recurrence import occurrences

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.simulator.dingtalk.recurrence import Reading
    from bridge.simulator.dingtalk.state import Details
    from bridge.simulator.dingtalk.times import When


class Expansion:
    """The original starts of one series, worked out as far as somebody has asked."""

    def __init__(self, details: Details, reading: Reading, removed: frozenset[int]) -> None:
        self._made_of = (details, reading, removed)
        rule = details.rule
        self._more = iter(()) if rule is None else occurrences(rule, details.start, reading, removed)
        self._found: list[tuple[int, When]] = []
        self._index: dict[int, When] = {}

    def is_of(self, details: Details, reading: Reading, removed: frozenset[int]) -> bool:
        """Whether it still tells the truth."""
        return self._made_of[0] is details and self._made_of[1:] == (reading, removed)

    def _step(self) -> bool:
        """Work out one more start; return whether there is one."""
        start = next(self._more, None)
        if start is None:
            return False
        origin = int(start.at(self._made_of[1].all_day_zone).timestamp())
        self._found.append((origin, start))
        self._index[origin] = start
        return True

    def walk(self) -> Iterator[tuple[int, When]]:
        """Yield epoch seconds and start, in order."""
        position = 0
        while position < len(self._found) or self._step():
            yield self._found[position]
            position += 1

    def find(self, origin: int) -> When | None:
        """Return the start at ``origin``, epoch seconds."""
        while (not self._found or self._found[-1][0] < origin) and self._step():
            pass
        return self._index.get(origin)
