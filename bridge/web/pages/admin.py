"""The administrator's pages: people, sources, states, what is left of the budget, what is held."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bridge.errors import BridgeError, Missing
from bridge.web.pages.ask import Answer, Ask, to
from bridge.web.pages.route import Needs, get, post

if TYPE_CHECKING:
    from bridge.web.pages.site import Site

CHART_WIDTH: Final = 200
"""Units of the budget's bar."""


def page(site: Site, ask: Ask) -> Answer:
    """``GET /ui/admin``."""
    return _shown(site, ask)


def _shown(site: Site, ask: Ask, *, tested: str = "", found: str = "") -> Answer:
    desk = site.desk
    rows = desk.admin.status(None)
    sources: list[dict[str, Any]] = []
    for source in desk.doors.sources():
        own = [row for row in rows if row["source"] == source["id"]]
        try:
            budget = desk.doors.budget(source["id"])
        except BridgeError:
            budget = None
        sources.append({**source, "rows": own, "budget": budget, "bar": _bar(budget)})
    return site.show(
        ask,
        "admin.html",
        people=desk.admin.user_list(),
        sources=sources,
        rows=rows,
        held=[row for row in rows if row["held"]],
        tested=tested,
        found=found,
    )


def _bar(budget: tuple[int, int] | None) -> int:
    """Return how much of the bar is used."""
    if not budget or not budget[0]:
        return 0
    return max(2, round(min(1.0, budget[0] / max(1, budget[1])) * CHART_WIDTH))


def test(site: Site, ask: Ask, source_id: str) -> Answer:
    """``POST /ui/admin/test/SOURCE``: one harmless call, and what the vendor says."""
    if source_id not in {source["id"] for source in site.desk.doors.sources()}:
        msg = "there is no such source"
        raise Missing(msg)
    return _shown(site, ask, tested=source_id, found=site.desk.doors.test(source_id))


def release(site: Site, ask: Ask) -> Answer:
    """``POST /ui/admin/release``: let pass the deletions that were held for a user."""
    site.desk.admin.sync(ask.form.get("user", ""), full=False, release=True)
    return to(ask, "/ui/admin")


def add(site: Site, ask: Ask) -> Answer:
    """``POST /ui/admin/people``: a new person with links; the first password is shown on this answer."""
    links = [
        (source["id"], ask.form.get(f"link-{source['id']}", "").strip())
        for source in site.desk.doors.sources()
    ]
    made = site.desk.admin.user_add(
        ask.form.get("name", "").strip(),
        email=ask.form.get("email", "").strip()[:254],
        links=[link for link in links if link[1]],
    )
    return site.show(ask, "made_person.html", made=made, url=site.url_of(ask))


ROUTES = (
    get(r"/ui/admin", page, Needs.ADMIN),
    post(r"/ui/admin/test/([a-z0-9_-]{1,32})", test, Needs.ADMIN),
    post(r"/ui/admin/release", release, Needs.ADMIN),
    post(r"/ui/admin/people", add, Needs.ADMIN),
)
