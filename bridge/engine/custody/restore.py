"""What makes a restored database truthful again: it is older than what clients and vendors have seen since.

* A sync token that was given before the backup still works. One that was given after it would skip what happened in
  between, so it is answered with ``valid-sync-token`` (RFC 6578 3.8) and the client compares everything once.
* An edit that waited in the backup may have reached the vendor since: its creations are looked for before they are made.
* Every calendar is looked at as a whole at the next pull.
"""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

if TYPE_CHECKING:
    from collections.abc import Mapping

EPOCH_BYTES: Final = 6
EPOCHS_MAX: Final = 20
"""How many restores back sync tokens are still understood."""
EPOCH: Final = "epoch"
EPOCHS_BEFORE: Final = "epochs_before"
"""Meta key: JSON of epoch -> collection id -> highest change number that is common history."""
RESTORED: Final = "restored_ms"
"""Meta key: edits opened before this time came out of a backup."""

_META: Final = sa.text("SELECT value FROM meta WHERE key = :key")
_META_PUT: Final = sa.text("""
    INSERT INTO meta (key, value) VALUES (:key, :value) ON CONFLICT (key) DO UPDATE SET value = :value
""")
_SEQS: Final = sa.text("SELECT id, change_seq FROM collection")
_LOOK_AGAIN: Final = sa.text("UPDATE calendar SET deep_ms = 0, pull_at_ms = 0")
_FREE: Final = sa.text("""
    UPDATE intent SET state = 'waiting', owner = '', owned_until_ms = 0, retry_at_ms = 0
    WHERE state IN ('waiting', 'in_flight')
""")


def make_truthful(c: sa.Connection, *, now_ms: int) -> None:
    """Prepare restored rows for being served."""
    before = epochs_before(c)
    epoch = c.execute(_META, {"key": EPOCH}).scalar()
    if epoch:
        before[str(epoch)] = {str(row[0]): int(row[1]) for row in c.execute(_SEQS)}
    kept = dict(list(before.items())[-EPOCHS_MAX:])
    for key, value in (
        (EPOCHS_BEFORE, json.dumps(kept)),
        (EPOCH, secrets.token_hex(EPOCH_BYTES)),
        (RESTORED, str(now_ms)),
    ):
        c.execute(_META_PUT, {"key": key, "value": value})
    c.execute(_LOOK_AGAIN)
    c.execute(_FREE)


def epochs_before(c: sa.Connection) -> dict[str, dict[str, int]]:
    """Return what of earlier epochs is common history."""
    text = c.execute(_META, {"key": EPOCHS_BEFORE}).scalar()
    found: dict[str, Any] = json.loads(text) if text else {}
    return found


def restored_ms(c: sa.Connection) -> int:
    """Return when the database was last restored, 0 if never."""
    return int(c.execute(_META, {"key": RESTORED}).scalar() or 0)


def number_of(
    token: str, collection_id: int, epoch: str, change_seq: int, before: Mapping[str, Mapping[str, int]]
) -> int | None:
    """Return the change number behind ``EPOCH-NUMBER``, None if it is no common history with this database."""
    given, _, number = token.rpartition("-")
    if not (number.isascii() and number.isdigit()) or len(number) > 18:
        return None
    highest = change_seq if given == epoch else before.get(given, {}).get(str(collection_id), -1)
    return int(number) if int(number) <= highest else None
