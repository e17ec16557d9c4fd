"""Signing in at a vendor: where to send the browser, and who came back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.config import kind_of
from bridge.engine.api import Login
from bridge.errors import BridgeError, Missing, NotAllowed
from bridge.store import people

if TYPE_CHECKING:
    from bridge.engine.context import Engine


class Doors:
    """The vendors' sign-in pages (WeCom reference 12, DingTalk reference 8)."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def open(self) -> list[tuple[str, str]]:
        """Return (source id, kind) of every source with ``sign_in = true``."""
        return [(x.id, kind_of(x)) for x in self._engine.sources.values() if x.sign_in]

    def address(self, source_id: str, *, redirect: str, state: str, inside: bool) -> str:
        """Return where the browser goes. ``inside``: it is the vendor's own app. Raises Missing."""
        if source_id not in {x for x, _ in self.open()}:
            msg = "nobody signs in by this source; its `sign_in` is not set"
            raise Missing(msg)
        return self._engine.provider(source_id).sign_in_address(redirect, state, inside=inside)

    def enter(self, source_id: str, code: str) -> Login:
        """Return who a code stands for. Raises NotAllowed for a stranger, and what the vendor's refusal is."""
        if source_id not in {x for x, _ in self.open()}:
            msg = "nobody signs in by this source"
            raise Missing(msg)
        vendor_id = self._engine.provider(source_id).signed_in(code)
        with self._engine.store.read() as c:
            found = people.by_upstream(c, source_id, vendor_id) if vendor_id else []
        if len(found) != 1:
            msg = "this account is not linked to anybody here; ask the administrator of the bridge to link it"
            raise NotAllowed(msg)
        return Login(user=found[0].name, device=f"{source_id} sign-in")

    def test(self, source_id: str) -> str:
        """Make one harmless call; returns "" or what is wrong."""
        try:
            self._engine.provider(source_id).check()
        except BridgeError as error:
            return str(error) or type(error).__name__
        return ""

    def sources(self) -> list[dict[str, str]]:
        """Return id and kind of every source."""
        return [{"id": x.id, "kind": kind_of(x)} for x in self._engine.sources.values()]

    def budget(self, source_id: str) -> tuple[int, int] | None:
        """Return (calls used this month, calls of the month) where the vendor bills them, else None."""
        told: tuple[int, int] | None = self._engine.provider(source_id).budget()
        return told
