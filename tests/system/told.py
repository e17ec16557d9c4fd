"""Nobody is told of one edit twice: what people heard because of our calls is held against the journal."""

from __future__ import annotations

from collections import Counter

from things import THING, number_in


def no_more_than_once(world):
    """No person heard of one event more often than it was edited here.

    Only single events: one edit of a series may need several calls, and both vendors tell of each.
    """
    heard = Counter()
    for notice in world.office.heard():
        match = THING.search(notice["text"])
        kind = world.office.kind_of(notice)
        if match and kind:
            heard[int(match[1]), notice["to"], kind] += 1
    if not heard:
        return
    changes, deletions = Counter(), Counter()
    for row in world.rows("SELECT action, state, client_text, base_text, words FROM intent"):
        number = number_in(row["client_text"] or row["base_text"])
        if row["state"] == "superseded":
            continue
        (deletions if row["action"] == "delete" else changes)[number] += 1
    for (number, to, kind), count in heard.items():
        thing = world.things[number]
        if thing.is_series or thing.waived:
            continue
        # Where people changed the same thing at the same moment, what they changed is asked for once more.
        most = (deletions if kind == "delete" else changes)[number] + thing.app_acts
        if count > most:
            world.fail(f"{to} was told {count} times ({kind}) of T{number}, which has {most} edits")
