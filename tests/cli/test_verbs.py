"""Every verb that talks to the database: what it asks, what it prints, how it ends."""

from __future__ import annotations

import datetime as dt
import json
import plistlib
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path


def last_json(output: str) -> Any:
    return json.loads(output.splitlines()[-1])


def test_a_new_person_gets_an_address_a_name_and_a_password(queqiao: Any) -> None:
    result = queqiao(
        "user", "add", "alice", "--email", "a@x.cn", "--link", "wecom=a=b", "--link", "dingtalk=7"
    )
    assert result.exit_code == 0, result.output
    assert queqiao.admin.calls[0] == ("user_add", "alice", "a@x.cn", [("wecom", "a=b"), ("dingtalk", "7")])
    assert queqiao.admin.calls[1][:2] == ("connect_links", "alice")
    assert "https://cal.example.com/team/dav/" in result.stdout
    assert "kept-secret" in result.stdout
    assert "connected" in result.stdout
    assert queqiao.admin.opened == queqiao.admin.closed == 1


def test_the_last_line_of_user_add_is_json(queqiao: Any) -> None:
    result = queqiao("user", "add", "王五", "--link", "wecom=ww", "--json")
    row = last_json(result.stdout)
    assert (row["user"], row["password"]) == ("王五", "kept-secret")
    assert row["links"][0]["state"] == "connected"
    assert len(result.stdout.splitlines()) == 1


def test_a_person_without_links_asks_no_vendor(queqiao: Any) -> None:
    assert queqiao("user", "add", "alice").exit_code == 0
    assert [call[0] for call in queqiao.admin.calls] == ["user_add"]


@pytest.mark.parametrize("flag", [[], ["--json"]])
def test_a_vendor_that_is_away_does_not_cost_the_password(queqiao: Any, flag: list[str]) -> None:
    queqiao.admin.vendor_is_away = True
    result = queqiao("user", "add", "alice", "--link", "wecom=a", *flag)
    assert result.exit_code == 0
    assert "kept-secret" in result.stdout
    assert "not yet connected" in result.stderr
    assert "abc123" not in result.output


@pytest.mark.parametrize(
    ("link", "says"),
    [("wecom", "SOURCE=VENDOR_ID"), ("wecon=a", "did you mean wecom"), ("=a", "SOURCE=VENDOR_ID")],
)
def test_a_link_that_cannot_be_meant_is_a_usage_error(queqiao: Any, link: str, says: str) -> None:
    result = queqiao("user", "add", "alice", "--link", link)
    assert result.exit_code == 2
    assert says in result.stderr
    assert queqiao.admin.calls == []


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["90d"], dt.datetime(2027, 2, 18, 4, tzinfo=dt.UTC)),
        (["2027-01-31"], dt.datetime(2027, 1, 31, 16, tzinfo=dt.UTC)),
        (["2027-01-31T18:00"], dt.datetime(2027, 1, 31, 10, tzinfo=dt.UTC)),
        (["2027-01-31T18:00:00Z"], dt.datetime(2027, 1, 31, 18, tzinfo=dt.UTC)),
    ],
)
def test_a_password_expires_when_people_say(queqiao: Any, words: list[str], expected: dt.datetime) -> None:
    result = queqiao("password", "add", "alice", "--label", "phone", "--read-only", "--expires", *words)
    assert result.exit_code == 0, result.output
    call = queqiao.admin.calls[0]
    assert call[:4] == ("password_add", "alice", "phone", True)
    assert dt.datetime.fromtimestamp(call[4] / 1000, dt.UTC) == expected


@pytest.mark.parametrize("text", ["yesterday", "2020-01-01", "0d", "9999999d", "999999y", "2027-02-30"])
def test_an_expiry_that_cannot_be_meant_is_a_usage_error(queqiao: Any, text: str) -> None:
    result = queqiao("password", "add", "alice", "--label", "x", "--expires", text)
    assert result.exit_code == 2
    assert "--expires" in result.stderr
    assert queqiao.admin.calls == []


def test_a_password_comes_as_a_profile_that_only_its_owner_reads(queqiao: Any, tmp_path: Path) -> None:
    path = tmp_path / "phone.mobileconfig"
    words = ("password", "add", "alice", "--label", "phone", "--profile", str(path))
    assert queqiao(*words).exit_code == 0
    assert path.stat().st_mode & 0o777 == 0o600
    written = path.read_bytes()
    (account,) = plistlib.loads(written)["PayloadContent"]
    assert (account["CalDAVUsername"], account["CalDAVPassword"]) == ("alice", "kept-secret")
    # A file that is there stays as it is, and no password is made for nothing.
    again = queqiao(*words)
    assert again.exit_code == 2
    assert "kept-secret" not in again.stdout
    assert path.read_bytes() == written


def test_a_new_password_comes_as_json(queqiao: Any) -> None:
    row = last_json(queqiao("password", "add", "alice", "--label", "phone", "--json").stdout)
    assert (row["user"], row["password"]) == ("alice", "kept-secret")
    assert queqiao.admin.calls[0][4] is None


def test_a_feed_has_an_address_below_the_public_url(queqiao: Any) -> None:
    url = "https://cal.example.com/team/feed/T0ken.ics"
    assert last_json(queqiao("feed", "add", "alice", "wecom-a", "--json").stdout)["url"] == url
    shown = queqiao("feed", "add", "alice", "https://x/dav/alice/wecom-a/", "--detail", "busy").stdout
    assert url in shown
    assert "webcal://cal.example.com/team/feed/T0ken.ics" in shown
    assert queqiao.admin.calls == [
        ("feed_add", "alice", "wecom-a", "full"),
        ("feed_add", "alice", "wecom-a", "busy"),
    ]


def test_a_feed_is_revoked_by_its_address_too(queqiao: Any) -> None:
    assert queqiao("feed", "revoke", "https://cal.example.com/team/feed/T0ken.ics").exit_code == 0
    assert queqiao("feed", "revoke", "f1").exit_code == 0
    assert [call[1] for call in queqiao.admin.calls] == ["T0ken", "f1"]


def test_revoking_what_is_not_there_fails(queqiao: Any) -> None:
    assert queqiao("password", "revoke", "alice", "phone").exit_code == 0
    result = queqiao("password", "revoke", "alice", "toaster")
    assert result.exit_code == 1
    assert "there is no password toaster" in result.stderr


LISTINGS = [
    ["user", "list"],
    ["password", "list", "alice"],
    ["feed", "list"],
    ["calendar", "list"],
    ["status"],
    ["changes"],
    ["sync"],
    ["explain", "some-uid"],
]


@pytest.mark.parametrize("words", LISTINGS, ids=" ".join)
def test_every_listing_is_a_table_or_one_line_of_json(queqiao: Any, words: list[str]) -> None:
    as_json = queqiao(*words, "--json")
    assert as_json.exit_code == 0
    assert len(as_json.stdout.splitlines()) == 1
    assert isinstance(json.loads(as_json.stdout), list)
    as_table = queqiao(*words)
    assert as_table.exit_code == 0
    assert as_table.stdout.strip()


def test_status_says_who_must_act(queqiao: Any) -> None:
    shown = queqiao("status").stdout
    assert "1 d 1 h" in shown
    assert "alice dingtalk-primary: administrator: the secret is refused; mend it" in shown


def test_columns_line_up_in_chinese(queqiao: Any) -> None:
    lines = queqiao("user", "list").stdout.splitlines()
    assert lines[1].startswith("alice  a@example.com")
    assert lines[2].startswith("李四   -")


def test_a_vendors_words_cannot_move_the_cursor(queqiao: Any) -> None:
    assert "\x1b" not in queqiao("changes").stdout


def test_changes_are_asked_since_a_moment(queqiao: Any) -> None:
    queqiao("changes", "--since", "24h", "--user", "alice")
    queqiao("changes", "--since", "2026-11-01")
    first, second = queqiao.admin.calls
    assert first == ("changes", "alice", round((queqiao.now - dt.timedelta(days=1)).timestamp() * 1000))
    assert second[2] == round(dt.datetime(2026, 11, 1, tzinfo=queqiao.now.tzinfo).timestamp() * 1000)
    assert queqiao("changes", "--since", "2030-01-01").exit_code == 2


def test_a_calendar_is_made_for_members_at_a_known_source(queqiao: Any) -> None:
    result = queqiao(
        "calendar", "create", "wecom", "--name", "团队", "--member", "alice", "--member", "bob", "--json"
    )
    assert result.exit_code == 0
    assert queqiao.admin.calls == [("calendar_create", "wecom", "团队", ["alice", "bob"], "")]
    assert queqiao("calendar", "create", "feishu", "--name", "x", "--member", "y").exit_code == 2


def test_scripts_are_not_asked_for_confirmation(queqiao: Any) -> None:
    for words in (
        ["user", "remove", "alice"],
        ["user", "unlink", "alice", "wecom"],
        ["calendar", "remove", "wecom", "c"],
    ):
        assert queqiao(*words).exit_code == 0
    assert [call[0] for call in queqiao.admin.calls] == ["user_remove", "user_unlink", "calendar_remove"]


def test_a_refusal_is_one_sentence_and_status_1(queqiao: Any) -> None:
    result = queqiao("user", "remove", "nobody")
    assert result.exit_code == 1
    assert result.stderr == "queqiao: there is no person of that name\n"


def test_a_mistake_of_the_program_shows_places_but_no_data(queqiao: Any) -> None:
    result = queqiao("explain", "boom")
    assert result.exit_code == 1
    assert "please report" in result.stderr
    assert "conftest.py" in result.stderr
    assert "Dentist" not in result.output


def test_an_unusable_configuration_is_status_2_and_lists_everything(queqiao: Any, config: Path) -> None:
    config.write_text('[server]\nlissen = "a"\nthreads = 0\n')
    result = queqiao("user", "list")
    assert result.exit_code == 2
    assert "2 problems" in result.stderr
    assert f"{config}:2" in result.stderr
    assert f"{config}:3" in result.stderr
    assert queqiao.admin.opened == 0


@pytest.mark.parametrize(
    "words", [["usr"], ["user", "ad"], ["user", "add"], ["status", "--bogus"], ["changes", "x"]]
)
def test_a_misused_verb_is_status_2(queqiao: Any, words: list[str]) -> None:
    assert queqiao(*words).exit_code == 2


def test_check_config_reports_problems_and_warnings(queqiao: Any, config: Path) -> None:
    good = queqiao("check-config")
    assert good.exit_code == 0
    assert "usable" in good.stdout
    config.write_text("[sync]\nwait = 3\npast_days = 'x'\n")
    bad = queqiao("check-config", "--json")
    assert bad.exit_code == 2
    report = json.loads(bad.stdout)
    assert report["ok"] is False
    assert [(problem["line"], problem["key"]) for problem in report["problems"]] == [
        (2, "sync.wait"),
        (3, "sync.past_days"),
    ]
    assert all(problem["reason"] and problem["cure"] for problem in report["problems"])


def test_no_configuration_at_all_is_status_2_with_the_places_to_put_one(queqiao: Any, tmp_path: Path) -> None:
    queqiao.config = tmp_path / "missing.toml"
    result = queqiao("user", "list")
    assert result.exit_code == 2
    assert "missing.toml" in result.stderr
