"""A report that may leave the house: numbers, fixed words and stable names; no person, title, address or secret.

What is written is chosen one by one; nothing is written and then masked. Sources are counted, because their ids are
chosen by people.
"""

from __future__ import annotations

import importlib.metadata
import platform
import typing
from typing import TYPE_CHECKING, Any, Final

import msgspec
import sqlalchemy as sa

from bridge import __version__
from bridge.config import kind_of, secret_names
from bridge.config_problems import is_choice
from bridge.daemon.figures import RECEIPTS_MS
from bridge.daemon.troubles import states
from bridge.store import intents, shared
from bridge.store.schema import metadata

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.config import Config, Options
    from bridge.config_problems import Problem
    from bridge.daemon.compose import Parts
    from bridge.daemon.doctor import Report

PACKAGES: Final = (
    "Radicale",
    "SQLAlchemy",
    "httpx",
    "waitress",
    "cryptography",
    "icalendar",
    "APScheduler",
    "psycopg",
)
"""Other people's packages whose version matters."""
_COUNT: Final = {
    name: sa.select(sa.func.count()).select_from(table) for name, table in sorted(metadata.tables.items())
}


def numbers(parts: Parts) -> dict[str, Any]:
    """Count what the database holds."""
    engine = parts.engine
    now_ms = engine.clock.now_ms()
    order = {source_id: f"source[{index}]" for index, source_id in enumerate(engine.sources, 1)}
    with engine.store.read() as c:
        rows = {name: int(c.execute(statement).scalar_one()) for name, statement in _COUNT.items()}
        seen, linked = states(c)
        waiting = intents.waiting(c)
        closed = intents.closed_since(c, now_ms - RECEIPTS_MS)
        spent = shared.tallies(c, now_ms=now_ms)
    oldest_ms = min((opened_ms for _count, opened_ms in waiting.values()), default=now_ms)
    return {
        "rows": rows,
        "states": [
            {
                "source": order.get(source, "not configured"),
                "state": state,
                "cause": cause,
                "calendars": seen[source, state, cause],
                "links": linked[source, state, cause],
            }
            for source, state, cause in sorted(seen + linked)
        ],
        "edits_waiting": sum(count for count, _opened_ms in waiting.values()),
        "edits_oldest_s": (now_ms - oldest_ms) // 1000,
        "edits_ended_in_24_h": closed,
        "calls_counted": {
            label: sum(n for name, n in spent.items() if name.startswith(f"{source_id}:calls:"))
            for source_id, label in order.items()
        },
    }


def bundle(config: Config, warnings: Iterable[Problem], report: Report, *, made_at: str) -> dict[str, Any]:
    """Return the whole report as JSON-able values."""
    order = {source.id: f"source[{index}]" for index, source in enumerate(config.source, 1)}
    return {
        "made_at": made_at,
        "queqiao": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "packages": {name: _version(name) for name in PACKAGES},
        "configuration": {
            **{name: _options(getattr(config, name)) for name in ("server", "database", "log", "sync", "ui")},
            "source": [{"kind": kind_of(source), **_options(source)} for source in config.source],
        },
        "warnings": [{"line": one.line, "key": one.key} for one in warnings],
        "findings": [
            {"check": one.check, "source": order.get(one.source, ""), "ok": one.ok, **one.facts}
            for one in report.findings
        ],
        "calendars_that_need_a_person": [
            {
                "source": order.get(str(row.get("source")), ""),
                "state": row.get("state"),
                "cause": row.get("cause"),
            }
            for row in report.calendars
        ],
        "numbers": report.numbers,
    }


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _options(options: Options) -> dict[str, Any]:
    """Return a table's options: numbers, truths and choices as they are, of texts and lists only whether they differ."""
    hints = typing.get_type_hints(type(options), include_extras=True)
    secrets = secret_names(type(options))
    shown: dict[str, Any] = {}
    for entry in msgspec.structs.fields(type(options)):
        value = getattr(options, entry.name)
        if entry.name in secrets:
            shown[entry.name] = "set" if value else "not set"
        elif isinstance(value, bool | int | float) or is_choice(hints[entry.name]):
            shown[entry.name] = value
        elif value == entry.default:
            shown[entry.name] = "default"
        else:
            shown[entry.name] = f"{len(value)} entries" if isinstance(value, tuple) else "changed"
    return shown
