"""Who a principal is to others: calendar user addresses (RFC 4791 errata, RFC 6638 section 2.4.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.engine.api import Service


def addresses_of(service: Service, user: str) -> Sequence[str]:
    """Return ``mailto:`` addresses of a user, the best one first; empty if none is known.

    Clients find "me" among the attendees by them, and the first becomes ORGANIZER.
    """
    return [address for address in service.addresses(user) if ":" in address]
