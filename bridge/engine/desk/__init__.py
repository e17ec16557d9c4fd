"""What only the pages ask: who is signed in, by which door, and a person's own edits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.engine.desk.doors import Doors
from bridge.engine.desk.edits import Edits
from bridge.engine.desk.visits import Visit, Visits

if TYPE_CHECKING:
    from bridge.engine.admin import Admin
    from bridge.engine.context import Engine
    from bridge.engine.service import Service

__all__ = ["Desk", "Visit"]


class Desk:
    """The engine's door for the pages, besides ``api.Service`` and ``admin_api.Admin``."""

    def __init__(self, engine: Engine, service: Service, admin: Admin) -> None:
        self.service = service
        self.admin = admin
        self.visits = Visits(engine)
        self.doors = Doors(engine)
        self.edits = Edits(engine, service)
        self.now_ms = engine.clock.now_ms
        self.past_days = engine.sync.past_days
        self.future_days = engine.sync.future_days
