"""The command as people start it: real processes, real exit statuses, a real vendor in a box."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from processes import Installation, fetch, run, staying

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_the_statuses_of_the_command_are_0_1_and_2(tmp_path: Path) -> None:
    assert run("--version", folder=tmp_path).returncode == 0
    assert run("--help", folder=tmp_path).returncode == 0
    assert run("nonsense", folder=tmp_path).returncode == 2
    nothing = run("user", "list", folder=tmp_path)
    assert nothing.returncode == 2
    assert "there is no configuration" in nothing.stderr
    assert "Traceback" not in nothing.stderr


def test_a_configuration_is_found_beside_one_or_by_its_variable(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[servr]\n")
    here = run("check-config", folder=tmp_path)
    assert here.returncode == 2
    assert "config.toml:1: servr" in here.stdout
    other = tmp_path / "other.toml"
    other.write_text("")
    named = run("check-config", folder=tmp_path, QUEQIAO_CONFIG=str(other))
    assert named.returncode == 0
    assert str(other) in named.stdout


def test_a_secret_comes_from_the_credentials_directory(tmp_path: Path) -> None:
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    config = tmp_path / "config.toml"
    config.write_text('[[source]]\nid="w"\nkind="wecom"\ncorp_id="c"\nsecret_file="wecom-secret"\n')
    assert run("--config", str(config), "check-config").returncode == 2
    (credentials / "wecom-secret").write_text("s")
    done = run("--config", str(config), "check-config", CREDENTIALS_DIRECTORY=str(credentials))
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(("vendor", "secret"), [("wecom", "agents"), ("dingtalk", "client_secret")])
def test_a_vendor_in_a_box_tells_its_secrets_and_answers(vendor: str, secret: str) -> None:
    with staying("simulate", vendor, "--listen", "127.0.0.1:0") as facts:
        assert facts["vendor"] == vendor
        assert facts[secret]
        assert facts["people"]
        assert fetch(f"{facts['url']}/cgi-bin/gettoken?corpid=x&corpsecret=y")[0] < 500


def test_a_port_that_is_taken_is_told_in_a_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        for words in (["simulate", "wecom", "--listen", listen], ["demo", "--listen", listen]):
            done = run(*words, folder=tmp_path)
            assert done.returncode == 1, done.stderr
            assert listen in done.stderr
            assert "Traceback" not in done.stderr
    assert run("simulate", "wecom", "--listen", "nowhere").returncode == 2


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with staying("simulate", "wecom") as wecom:
        yield Installation(tmp_path_factory.mktemp("office"), wecom)


def test_an_administrator_installs_links_and_serves(office: Installation) -> None:
    assert office("migrate").exit_code == 0
    checked = office.json("check-config", "--online")
    assert (checked["ok"], [row["ok"] for row in checked["sources"]]) == (True, [True])
    userid = office.wecom["people"][0]["userid"]
    made = office.json("user", "add", "alice", "--link", f"wecom={userid}")
    assert [link["state"] for link in made["links"]] == ["connected"]
    (calendar,) = office.json("calendar", "list", "--user", "alice")
    slug = calendar["calendar"]
    assert slug.startswith("wecom-")
    with staying("--config", str(office.config), "serve", "--json") as daemon:
        url = daemon["url"]
        home = f"{url}/dav/alice/{slug}/"
        assert fetch(home, "alice", made["password"], "PROPFIND")[0] == 207
        assert fetch(home, "alice", "wrong", "PROPFIND")[0] == 401
        # Verbs that change the database work while the daemon runs.
        phone = office.json("password", "add", "alice", "--label", "phone", "--expires", "1d")
        assert fetch(home, "alice", phone["password"], "PROPFIND")[0] == 207
        assert office("password", "revoke", "alice", "phone").exit_code == 0
        assert fetch(home, "alice", phone["password"], "PROPFIND")[0] == 401
        feed = office.json("feed", "add", "alice", slug)
        path = feed["url"].partition("/feed/")[2]
        status, text = fetch(f"{url}/feed/{path}")
        assert (status, text.startswith("BEGIN:VCALENDAR")) == (200, True)
        assert office("feed", "revoke", feed["url"]).exit_code == 0
        assert fetch(f"{url}/feed/{path}")[0] == 404
        assert fetch(f"{daemon['admin']}/healthz")[0] == 200
        assert fetch(f"{daemon['admin']}/readyz")[0] == 200
        status, figures = fetch(f"{daemon['admin']}/metrics")
        assert (status, "queqiao_vendor_calls_total" in figures) == (200, True)
    assert [row["state"] for row in office.json("status")] == ["connected"]
    assert office("doctor").exit_code == 0


def test_a_wrong_secret_is_told_with_the_place_to_mend_it(office: Installation, tmp_path: Path) -> None:
    wrong = tmp_path / "config.toml"
    secret = office.wecom["agents"][0]["secret"]
    wrong.write_text(office.config.read_text().replace(secret, "not-the-secret"))
    done = run("--config", str(wrong), "check-config", "--online")
    assert done.returncode == 1
    assert "应用管理" in done.stdout
    assert "not-the-secret" not in done.stdout + done.stderr
    doctor = run("--config", str(wrong), "doctor")
    assert doctor.returncode == 1
    assert "WeCom administrator" in doctor.stdout


def test_what_is_not_there_is_one_sentence(office: Installation) -> None:
    for words in (["user", "remove", "nobody"], ["feed", "add", "nobody", "x"], ["explain", "no-such-uid"]):
        done = office(*words)
        assert done.exit_code == 1, done.stdout
        assert len(done.stderr.splitlines()) == 1
        assert done.stderr.startswith("queqiao: ")


def test_the_demo_prints_what_the_product_page_says() -> None:
    with staying("demo", "--listen", "127.0.0.1:0", "--json") as facts:
        assert set(facts) >= {"url", "users", "simulators", "admin"}
        assert set(facts["simulators"]) == {"wecom", "dingtalk"}
        assert len(facts["users"]) == 2
        for account in facts["users"]:
            kinds = {Path(url).name.split("-")[0] for url in account["calendars"]}
            assert kinds == {"wecom", "dingtalk"}
            for url in account["calendars"]:
                status, text = fetch(url, account["user"], account["password"])
                assert (status, text.startswith("BEGIN:VCALENDAR"), "BEGIN:VEVENT" in text) == (
                    200,
                    True,
                    True,
                )
            assert [fetch(url)[0] for url in account["feeds"]] == [200] * len(account["feeds"])
        other = facts["users"][1]
        assert fetch(facts["users"][0]["calendars"][0], other["user"], other["password"])[0] in {403, 404}
