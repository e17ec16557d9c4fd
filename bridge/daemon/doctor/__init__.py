"""``queqiao doctor``: looks at every link of the chain, and says what a person has to change, and where."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from bridge.config import DingTalkSource
from bridge.daemon import compose
from bridge.daemon.doctor import home, network, vendor
from bridge.daemon.doctor.bundle import numbers
from bridge.daemon.doctor.finding import Finding, skipped
from bridge.daemon.doctor.vendor import Linked
from bridge.model.cures import NOBODY
from bridge.providers import registry
from bridge.providers.runtime import Runtime
from bridge.store import people

WAY: Final = frozenset({"dns", "connection", "tls"})
"""What has to hold before a vendor can be asked at all."""

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.config import Config, Source
    from bridge.daemon.compose import Parts
    from bridge.engine.admin_api import Row
    from bridge.providers.base import Provider


@dataclass(kw_only=True)
class Report:
    """Everything that was found."""

    findings: list[Finding]
    calendars: list[Row] = field(default_factory=list)
    """Rows of ``status`` about which somebody has to do something."""
    numbers: dict[str, Any] = field(default_factory=dict)
    """Counts out of the database, for the bundle."""

    @property
    def healthy(self) -> bool:
        """Return whether nobody has to do anything."""
        return not self.calendars and all(one.ok is not False for one in self.findings)


def examine(config: Config) -> Report:
    """Look at everything. An older database stays as it is, a missing one is not made; raises BridgeError for nothing."""
    found = [home.database(config), home.disk(config)]
    told, running = home.daemon(config)
    found += told
    found += home.public(config, running=running)
    if found[0].ok:
        parts = compose.compose(config)
        try:
            linked = _linked(parts)
            for source in config.source:
                provider = parts.engine.providers[source.id]
                found += _of_source(config, source, provider, linked, running=running)
            ill = [row for row in parts.admin.status(None) if row.get("who") != NOBODY]
            return Report(findings=found, calendars=ill, numbers=numbers(parts))
        finally:
            parts.close()
    for source in config.source:
        provider = registry.build(source, Runtime())
        try:
            found += _of_source(config, source, provider, {}, running=running)
        finally:
            provider.close()
    return Report(findings=found)


def _of_source(
    config: Config, source: Source, provider: Provider, linked: Mapping[str, list[Linked]], *, running: bool
) -> list[Finding]:
    urls = [source.base_url]
    if isinstance(source, DingTalkSource) and source.oapi_base_url != source.base_url:
        urls.append(source.oapi_base_url)
    found = [one for url in urls for one in network.reach(url, source.id)]
    if any(one.ok is False and one.check in WAY for one in found):
        found.append(skipped("token", "the vendor was not asked, because the way there is broken", source.id))
    else:
        found += vendor.examine(source, provider, linked.get(source.id, []))
    called = home.callback(config, source, running=running)
    return [*found, called] if called is not None else found


def _linked(parts: Parts) -> dict[str, list[Linked]]:
    """Return source -> who is linked to it."""
    found: dict[str, list[Linked]] = {}
    with parts.engine.store.read() as c:
        for principal in people.all_principals(c):
            for link in people.links(c, principal.id):
                one = Linked(user=principal.name, vendor_id=link.vendor_id, upstream_id=link.upstream_id)
                found.setdefault(link.source_id, []).append(one)
    return found
