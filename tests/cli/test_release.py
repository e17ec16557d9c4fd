"""``sync --release``: from the mass deletion in the vendor's app to the calendar without it, by commands alone."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from bridge.cli.main import cli
from bridge.config_load import load
from bridge.daemon.compose import compose
from bridge.engine.api import Login
from bridge.simulator import wecom
from bridge.simulator.http import serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EVENTS = 12


class Office:
    """One employee with a dozen events, on simulated WeCom."""

    def __init__(self, folder: Path) -> None:
        self.box = wecom.build()
        self.server = serve(self.box, "127.0.0.1", 0)
        self.config = folder / "config.toml"
        self.config.write_text(
            f"""
[database]
url = "sqlite:///queqiao.db"
[[source]]
id = "wecom"
kind = "wecom"
base_url = "{self.server.url}"
corp_id = "{wecom.CORP_ID}"
agent_id = {wecom.AGENT_ID}
secret = "{wecom.SECRET}"
"""
        )
        self.config.chmod(0o600)

    def run(self, *words: str) -> Any:
        done = CliRunner().invoke(cli, ["--config", str(self.config), *words, "--json"])
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout.splitlines()[-1])

    def fill(self) -> None:
        tomorrow = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=1)
        parts = compose(load(self.config, credentials_dir=None))
        try:
            (collection,) = parts.service.collections("alice")
            for n in range(EVENTS):
                text = (
                    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//T//T//EN\r\nBEGIN:VEVENT\r\n"
                    f"UID:u{n}\r\nDTSTAMP:20261101T000000Z\r\nDTSTART:{tomorrow:%Y%m%d}T{n:02}0000Z\r\n"
                    f"DTEND:{tomorrow:%Y%m%d}T{n:02}3000Z\r\nSUMMARY:E{n}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
                )
                login = Login(user="alice", device="test")
                assert not parts.service.put(collection.id, f"e{n}.ics", text.encode(), login).waiting
        finally:
            parts.close()

    def wipe(self) -> None:
        for schedule_id in self.box.control("state", {})["schedules"]:
            self.box.control("act", {"do": "delete", "userid": "zhangsan", "schedule_id": schedule_id})


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path)
    with made.server:
        yield made


def test_a_wiped_calendar_is_held_and_goes_with_release(office: Office) -> None:
    office.run("user", "add", "alice", "--link", "wecom=zhangsan")
    office.fill()
    office.run("sync")
    office.wipe()
    (row,) = office.run("sync", "--user", "alice")
    assert (row["deleted"], row["held"]) == (0, EVENTS)
    (row,) = office.run("status")
    assert (row["state"], row["held"]) == ("quarantined", EVENTS)
    assert "--release" in row["reason"]
    assert "queqiao sync" in row["what_zh"]
    assert [x["events"] for x in office.run("calendar", "list")] == [EVENTS]
    (row,) = office.run("sync", "--user", "alice", "--release")
    assert (row["deleted"], row["held"]) == (EVENTS, 0)
    assert [x["events"] for x in office.run("calendar", "list")] == [0]
    assert [x["state"] for x in office.run("status")] == ["connected"]


def test_release_needs_a_person_and_says_so(queqiao) -> None:
    done = queqiao("sync", "--release")
    assert done.exit_code == 2
    assert "--release needs --user" in done.stderr
    assert queqiao.admin.calls == []
    assert queqiao("sync", "--user", "alice", "--release").exit_code == 0
    assert queqiao.admin.calls == [("sync", "alice", False, True)]


def test_the_help_of_sync_explains_what_is_held(queqiao) -> None:
    text = " ".join(queqiao("sync", "--help").stdout.split())
    for words in ("more than a fifth", "quarantined", "--release"):
        assert words in text
