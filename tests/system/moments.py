"""When events take place."""

from __future__ import annotations

import datetime as dt

from offices import CHINA


def day(world):
    """Return a time of the next three weeks, in China."""
    today = dt.datetime.fromtimestamp(world.clock.true_s, CHINA).date()
    moment = dt.time(world.rng.randrange(8, 18), world.rng.choice((0, 15, 30)))
    return dt.datetime.combine(today + dt.timedelta(days=world.rng.randrange(2, 22)), moment, CHINA)
