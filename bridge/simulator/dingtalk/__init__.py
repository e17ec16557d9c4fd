"""DingTalk in a box: the new API, the legacy host, the login page, callbacks and Stream.

Nothing of the bridge is used here, so that this vendor may disagree with the bridge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bridge.simulator.dingtalk.simulator import DingTalkSimulator
from bridge.simulator.dingtalk.state import Person

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.simulator.clock import SimClock

__all__ = ["DingTalkSimulator", "Person", "build"]


def build(
    *,
    client_id: str = "dingk3v9exampleappkey",
    client_secret: str = "S3cr3t-Value-For-Tests-Only",  # noqa: S107 - opens nothing but this box
    corp_id: str = "ding7c1e0a94b2f35d68",
    people: Iterable[Person | dict[str, Any]] | None = None,
    switches: dict[str, Any] | None = None,
    clock: SimClock | None = None,
) -> DingTalkSimulator:
    """Return a vendor with one app and a small company: Alice, Bob, Carol and 张伟 unless others are given.

    ``people`` takes ``Person`` or mappings of its fields; ``switches`` values that differ from the defaults
    (``switches.SWITCHES``). Raise ``ControlError`` for an unknown switch.
    """
    return DingTalkSimulator(
        client_id=client_id,
        client_secret=client_secret,
        corp_id=corp_id,
        people=people,
        switches=switches,
        clock=clock,
    )
