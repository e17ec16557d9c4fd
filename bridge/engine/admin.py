"""What the command line and the pages ask (``admin_api.Admin``): the parts of ``administer`` as one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.engine.administer.accounts import Accounts
from bridge.engine.administer.feeds import Feeds
from bridge.engine.administer.importing import Importing
from bridge.engine.administer.insight import Insight
from bridge.engine.administer.shelves import Shelves

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.engine.context import Engine


class Admin(Importing, Accounts, Feeds, Shelves, Insight):
    """Implements ``admin_api.Admin``."""

    def __init__(self, engine: Engine, on_close: Callable[[], None]) -> None:
        super().__init__(engine)
        self._on_close = on_close

    def close(self) -> None:
        """Let go of database and connections."""
        self._on_close()

    def __enter__(self) -> Admin:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
