"""benchmarks/RESULTS.md: one section per kind of run, each replaced by the next run of its kind."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

RESULTS: Final = Path(__file__).with_name("RESULTS.md")


def put(page: Path, section: str) -> None:
    """Write a section, which begins with ``# ``, in place of the one of the same heading, else at the end."""
    heading = section.partition("\n")[0]
    held = page.read_text(encoding="utf-8") if page.exists() else ""
    parts = [part for part in re.split(r"(?m)^(?=# )", held) if part.strip()]
    texts = {part.partition("\n")[0]: part.strip("\n") for part in parts}
    texts[heading] = section.strip("\n")
    page.write_text("\n\n".join(texts.values()) + "\n", encoding="utf-8")
