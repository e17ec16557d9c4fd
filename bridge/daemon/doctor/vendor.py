"""What a vendor lets the bridge do: token, address, app, permission, visible range, budget."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.config import kind_of
from bridge.daemon.doctor.finding import Finding, bad, good, skipped
from bridge.errors import BridgeError, Missing, Throttled, Unauthorised
from bridge.log import redact
from bridge.model.cures import cure_of
from bridge.providers.base import Target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.config import Source
    from bridge.daemon.doctor.finding import Fact
    from bridge.providers.base import Provider

PEOPLE_MAX: Final = 50
"""People of one source who are asked for: each is a call."""
NAMED_MAX: Final = 5
"""People whom one finding names."""
PROBE: Final = "queqiaocheck0000000000000000000"
"""An id that no event has; asking for it shows whether calendars may be read."""
BUDGET_LOW: Final = 0.1
"""Part of the month's calls below which a person should know, and none is spent on a check."""
ORDER: Final = {
    "secret": "token",
    "app": "app",
    "id": "token",
    "address": "address",
    "permission": "permission",
}
"""Cause of a refusal -> the check that found it."""
_CODE: Final = re.compile(r"[A-Za-z0-9._-]{0,80}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Linked:
    """A person linked to a source."""

    user: str
    vendor_id: str
    upstream_id: str


def examine(source: Source, provider: Provider, people: Sequence[Linked]) -> list[Finding]:
    """Ask for a token, then for what is harmless; stops at the first refusal."""
    found: list[Finding] = []
    name = source.id
    try:
        provider.check()
    except BridgeError as error:
        return [refused(source, error)]
    found.append(good("token", "the vendor gives a token", name))
    found.append(good("address", "the vendor takes calls from this machine's address", name))
    budget = _budget(source, provider)
    found += budget
    connected = next((one for one in people if one.upstream_id), None)
    if connected is None:
        found.append(
            skipped("permission", "nobody is connected yet, so nobody's calendar was asked for", name)
        )
    elif any(one.ok is False for one in budget):
        found.append(skipped("permission", "no call is spent on it while the budget is low", name))
    else:
        found.append(_permission(source, provider, connected))
    found.append(_range(source, provider, people))
    return found


def refused(source: Source, error: BridgeError) -> Finding:
    """Return what a vendor's refusal of the app itself means; its cure names the place in the vendor's console."""
    cause = error.cause if isinstance(error, Unauthorised) else ""
    seen = error.seen if isinstance(error, Unauthorised) else ""
    says = redact(str(error))
    if seen:
        says += f"; the vendor saw this machine as {seen}"
    check = ORDER.get(cause, "range" if cause == "visible_range" else "answer")
    code = error.code if _CODE.fullmatch(error.code) else "other"
    facts: dict[str, Fact] = {
        "cause": cause,
        "code": code,
        "failure": type(error).__name__,
        "seen": bool(seen),
    }
    return Finding(
        check=check, ok=False, says=says, source=source.id, cure=cure_of(kind_of(source), cause), facts=facts
    )


def _budget(source: Source, provider: Provider) -> list[Finding]:
    told = provider.budget()
    if told is None:
        return []
    used, most = told
    facts: dict[str, Fact] = {"used": used, "limit": most}
    says = f"{used} of this month's {most} calls are used"
    if most - used < most * BUDGET_LOW:
        return [bad("budget", says, source.id, facts=facts)]
    return [good("budget", says, source.id, facts=facts)]


def _permission(source: Source, provider: Provider, person: Linked) -> Finding:
    """Ask for an event that does not exist in the calendar of somebody; one call."""
    try:
        provider.fetch(Target(user_id=person.upstream_id, calendar_id="primary"), [PROBE])
    except Missing:
        pass
    except Throttled as error:
        return skipped("permission", f"the vendor asks to wait: {redact(str(error))}", source.id)
    except BridgeError as error:
        return refused(source, error)
    return good("permission", "the app may read calendars", source.id)


def _range(source: Source, provider: Provider, people: Sequence[Linked]) -> Finding:
    """Ask who the linked people are: those outside of the app's visible range are not known."""
    asked, unseen = 0, []
    for person in people[:PEOPLE_MAX]:
        try:
            provider.resolve_user(person.vendor_id)
        except Missing:
            unseen.append(person.user)
        except Unauthorised as error:
            if error.cause != "visible_range":
                return refused(source, error)
            unseen.append(person.user)
        except BridgeError as error:
            return skipped("range", f"the directory did not answer: {redact(str(error))}", source.id)
        asked += 1
    if not asked:
        return skipped("range", "nobody is linked yet", source.id)
    facts: dict[str, Fact] = {"asked": asked, "unseen": len(unseen)}
    if unseen:
        names = ", ".join(unseen[:NAMED_MAX]) + (" …" if len(unseen) > NAMED_MAX else "")
        says = f"{len(unseen)} of {asked} linked people are unknown to the app, or outside its visible range: {names}"
        return bad("range", says, source.id, cure=cure_of(kind_of(source), "visible_range"), facts=facts)
    return good(
        "range", f"the app sees all {asked} linked people that were asked for", source.id, facts=facts
    )
