"""Whatever the reason for which a vendor refuses the bridge: who has to change what, and where, in two languages."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from bridge.cli.main import cli
from bridge.config_load import load
from bridge.daemon import compose
from bridge.engine.admin import Admin
from bridge.errors import Unauthorised, Unreachable
from bridge.model.cures import CAUSES, CURES, NOBODY, STATES, WAIT, advice, cure_of
from bridge.providers.wecom.limits import LIMITS
from bridge.simulator import wecom
from bridge.simulator.http import serve
from bridge.store import calendars, people

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STATE_NAMES = {
    "starting",
    "backfilling",
    "connected",
    "delayed",
    "throttled",
    "unauthorised",
    "quarantined",
    "unlinked",
}
PLACES = {
    ("wecom", "secret"): "Secret",
    ("wecom", "permission"): "可调用接口的应用",
    ("wecom", "address"): "企业可信IP",
    ("wecom", "visible_range"): "可见范围",
    ("wecom", "app"): "应用管理",
    ("wecom", "id"): "queqiao user link",
    ("dingtalk", "secret"): "凭证与基础信息",
    ("dingtalk", "permission"): "Calendar.Event.Write",
    ("dingtalk", "address"): "服务器出口IP",
    ("dingtalk", "visible_range"): "通讯录权限范围",
    ("dingtalk", "app"): "版本管理与发布",
    ("dingtalk", "id"): "queqiao user link",
}


class Refusing:
    """A provider that a vendor refuses for one reason."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.mapper = SimpleNamespace(limits=LIMITS)

    def check(self) -> None:
        raise self.error

    def resolve_user(self, _vendor_id: str) -> None:
        raise self.error

    def changes(self, *_: Any, **__: Any) -> None:
        raise self.error

    def end_waits(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """Nothing is open."""


class Shop:
    """A real command line on a real database; one vendor refuses."""

    def __init__(self, config: Path) -> None:
        self.config = config

    def __call__(self, *words: str) -> Result:
        return CliRunner().invoke(cli, ["--config", str(self.config), *words])

    def json(self, *words: str) -> Any:
        return json.loads(self(*words, "--json").stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def vendor() -> Iterator[str]:
    """Return the address of somebody who answers over HTTP."""
    with serve(wecom.build(), "127.0.0.1", 0) as box:
        yield box.url


@pytest.fixture(params=sorted(PLACES), ids="-".join)
def refused(request, config: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Shop, str, str]:
    kind, cause = request.param
    error = Unauthorised("the vendor said no", code="1", cause=cause)
    # Doctor goes the way to a vendor before it asks anything.
    vendor = request.getfixturevalue("vendor")
    text = config.read_text().replace('secret = "s"\n', f'secret = "s"\nbase_url = "{vendor}"\n')
    config.write_text(text.replace('push = "stream"\n', f'push = "stream"\noapi_base_url = "{vendor}"\n'))
    real = compose.registry.build
    monkeypatch.setattr(
        compose.registry,
        "build",
        lambda source, runtime: Refusing(error) if source.id == kind else real(source, runtime),
    )
    return Shop(config), kind, cause


def test_the_table_has_every_state_and_every_cause_of_both_vendors() -> None:
    assert set(STATES) == STATE_NAMES
    assert set(CURES) == {"wecom", "dingtalk"}
    assert {(kind, cause) for kind in CURES for cause in CURES[kind]} == {
        (kind, cause) for kind in CURES for cause in CAUSES
    }
    assert set(PLACES) == {(kind, cause) for kind in CURES for cause in CAUSES}


@pytest.mark.parametrize(("kind", "cause"), sorted(PLACES))
def test_a_cure_names_a_person_and_the_same_place_in_both_languages(kind: str, cause: str) -> None:
    cure = cure_of(kind, cause)
    assert cure.who != NOBODY
    assert PLACES[kind, cause] in cure.what
    assert PLACES[kind, cause] in cure.what_zh
    assert any("一" <= char <= "鿿" for char in cure.who_zh)
    assert advice("unauthorised", kind=kind, cause=cause) == cure
    assert advice("delayed", kind=kind, cause=cause) == STATES["delayed"]


def test_what_nobody_can_name_passes_or_points_at_the_reason() -> None:
    assert cure_of("feishu", "secret") == WAIT
    assert cure_of("wecom", "") == WAIT
    assert advice("unauthorised", kind="feishu", cause="secret") == STATES["unauthorised"]
    assert advice("no such state") == WAIT


def test_check_config_and_doctor_say_what_to_change(refused) -> None:
    shop, kind, cause = refused
    # The other source would be asked for real.
    only = shop.config.read_text().split("[[source]]")
    shop.config.write_text("[[source]]".join([only[0], next(s for s in only if f'kind = "{kind}"' in s)]))
    cure = cure_of(kind, cause)
    for words in (("check-config", "--online"), ("doctor",)):
        done = shop(*words)
        assert done.exit_code == 1
        assert f"{cure.who}: {cure.what}" in done.stdout
        assert f"{cure.who_zh}: {cure.what_zh}" in done.stdout
        (row,) = shop.json(*words)["sources"]
        assert {**row, **cure.as_row(), "cause": cause, "ok": False} == row


def test_status_and_doctor_say_it_of_the_link_and_of_the_calendar(refused) -> None:
    shop, kind, cause = refused
    cure = cure_of(kind, cause)
    with compose.open_admin(load(shop.config, credentials_dir=None)) as admin:
        admin.user_add("alice", email="", links=[(kind, "x")])
        (link,) = admin.connect_links("alice", patience_s=5)
        assert link["state"] == "unauthorised"
        mark_calendar(admin, kind)
        (pulled,) = admin.sync("alice", full=False)
        assert not pulled["ok"]
        rows = admin.status("alice")
    assert len(rows) == 2
    for row in rows:
        assert (row["state"], row["cause"]) == ("unauthorised", cause)
        assert {**row, **cure.as_row()} == row
    text = shop("status").stdout
    assert PLACES[kind, cause] in text
    assert cure.who in text
    assert cure.who_zh in text


def mark_calendar(admin: Admin, kind: str) -> None:
    """Show one calendar to alice, as before the vendor began to refuse."""
    store = admin._store
    with store.write() as c:
        principal = people.by_name(c, "alice")
        (link,) = people.links(c, principal.id)
        people.set_link(c, link, upstream_id="x")
        made = calendars.upsert(c, source_id=kind, account="", upstream_id="cal", name="Work", color="")
        calendars.add_collection(
            c,
            principal_id=principal.id,
            calendar_id=made,
            slug=f"{kind}-work",
            writable=True,
            reason="",
            now_ms=1,
        )


def test_a_vendor_that_is_only_away_asks_for_nobody(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        compose.registry, "build", lambda _source, _runtime: Refusing(Unreachable("no answer"))
    )
    rows = Shop(config).json("check-config", "--online")["sources"]
    assert [(row["who"], row["what"]) for row in rows] == [(NOBODY, WAIT.what)] * 2
