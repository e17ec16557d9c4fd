"""Prints ``docs/fidelity.md``: ``python -m bridge.cli.fidelity > docs/fidelity.md``, or ``make docs``."""

from __future__ import annotations

import sys

from bridge.model.fidelity_page import page
from bridge.providers.dingtalk.limits import LIMITS as DINGTALK
from bridge.providers.wecom.limits import LIMITS as WECOM


def text() -> str:
    """Return the page with the numbers of both vendors."""
    return page({limits.kind: limits for limits in (WECOM, DINGTALK)})


if __name__ == "__main__":
    sys.stdout.buffer.write(text().encode())
