"""``user import``: shown first, wrong lines told all at once, done as a whole or not at all."""

from __future__ import annotations

import csv
import json
from contextlib import ExitStack

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.cli.main import cli
from bridge.cli.people_csv import name_of, of_directory, read, written
from bridge.engine.admin_api import NewPerson
from bridge.engine.administer.accounts import check_user_name
from bridge.engine.administer.importing import Importing
from bridge.simulator import dingtalk, wecom
from bridge.simulator.http import serve

SOURCES = ["wecom", "dingtalk"]


class Office:
    """Both vendors in boxes and an empty bridge."""

    def __init__(self, stack, folder):
        boxes = wecom.build(), dingtalk.build()
        urls = [stack.enter_context(serve(box, "127.0.0.1", 0)).url for box in boxes]
        facts, ding = (box.facts() for box in boxes)
        self.folder, self.path = folder, folder / "config.toml"
        self.path.touch(0o600)
        self.path.write_text(
            f"""
[database]
url = "sqlite:///{folder}/queqiao.db"
[[source]]
id = "wecom"
kind = "wecom"
base_url = "{urls[0]}"
corp_id = "{facts["corp_id"]}"
secret = "{facts["agents"][0]["secret"]}"
[[source]]
id = "dingtalk"
kind = "dingtalk"
base_url = "{urls[1]}"
oapi_base_url = "{urls[1]}"
client_id = "{ding["client_id"]}"
client_secret = "{ding["client_secret"]}"
"""
        )

    def file(self, text, name="people.csv"):
        path = self.folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    def run(self, *words):
        return CliRunner().invoke(cli, ["--config", str(self.path), "user", *words])

    def people(self):
        rows = json.loads(self.run("list", "--json").stdout)
        return {row["user"]: {link["source"]: link["id"] for link in row["links"]} for row in rows}


@pytest.fixture
def office(tmp_path):
    with ExitStack() as stack:
        yield Office(stack, tmp_path)


GOOD = "name,email,wecom,dingtalk\nalice,alice@corp.example.cn,zhangsan,alice01\n\nbob,,lisi,\n张三,,,\n"


def test_it_is_shown_first_and_done_when_asked(office):
    path = office.file(GOOD)
    done = office.run("import", path)
    assert (done.exit_code, office.people()) == (0, {})
    assert "nothing was changed yet; --apply does it" in done.stderr
    assert [line.split()[:3] for line in done.stdout.splitlines()[1:]] == [
        ["2", "alice", "new"],
        ["4", "bob", "new"],
        ["5", "张三", "new"],
    ]
    done = office.run("import", path, "--apply")
    assert done.exit_code == 0, done.stderr
    assert office.people() == {
        "alice": {"wecom": "zhangsan", "dingtalk": "alice01"},
        "bob": {"wecom": "lisi"},
        "张三": {},
    }
    again = office.run("import", path, "--apply", "--json")
    assert [row["does"] for row in json.loads(again.stdout)] == ["nothing"] * 3


def test_people_who_are_there_get_the_links_that_they_lack(office):
    office.run("add", "bob", "--email", "bob@corp.example.cn")
    done = office.run("import", office.file("name;wecom\nbob;lisi\n"), "--apply", "--json")
    assert [(row["does"], row["links"]) for row in json.loads(done.stdout)] == [("linked", ["wecom=lisi"])]
    assert office.people() == {"bob": {"wecom": "lisi"}}


WRONG = {
    "a column that is misspelt": ("name,wecon\nalice,x\n", ["1: there is no column 'wecon'; did you mean wecom?"]),
    "no column of names": (
        "email\na@b.example\n",
        ["1: there is no column name; the first line names the columns: name, email, wecom, dingtalk"],
    ),
    "a column twice": ("name,name\nalice,bob\n", ["1: the column name stands twice"]),
    "nothing": ("", ["1: the first line names the columns: name, email, wecom, dingtalk"]),
    "another encoding": (
        "name,email\nalice,\n张三,\n".encode("gb18030"),
        ['3: it is not UTF-8; in Excel choose "CSV UTF-8" when saving'],
    ),
    "quotes that stay open": ('name,email\nalice,"a@b.example\n', ["2: it is not CSV: unexpected end of data"]),
    "too many cells": ("name,email\nalice,a@b.example,x\n", ["2: it has 3 cells, and there are 2 columns"]),
    "no name": ("name,email\n,a@b.example\n", ["2: the name is missing"]),
    "a name that no URL can hold": (
        "name\nali ce\n",
        ["2: a user name has 1 to 64 characters without blanks or any of / : ' \" * ? , and at most one @ inside; choose another"],
    ),
    "a name twice": ("name\nalice\nbob\nalice\n", ["4: line 2 has the same name"]),
    "an address that is none": (
        "name,email\nalice,alice at corp\n",
        ["2: the e-mail address is none; write it like alice@corp.example.cn, or leave it empty"],
    ),
    "an id twice": ("name,wecom\nalice,zhangsan\nbob,zhangsan\n", ["3: line 2 has the same id of wecom"]),
    "somebody who is linked otherwise": (
        "name,wecom\ncarol,other\n",
        ["2: carol is linked to wecom as somebody else; `queqiao user unlink carol wecom` first"],
    ),
    "an id of somebody else": ("name,wecom\ndave,wangwu\n", ["2: this id of wecom is linked to carol already"]),
    "several at once": (
        "name,email,wecom\nalice,no,zhangsan\n,x@y.example,\nbob,,zhangsan\nali/ce,,\n",
        [
            "2: the e-mail address is none; write it like alice@corp.example.cn, or leave it empty",
            "3: the name is missing",
            "5: a user name has 1 to 64 characters without blanks or any of / : ' \" * ? , and at most one @ inside; choose another",
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_each_wrong_line_is_told_and_nothing_is_done(office, name):
    assert office.run("add", "carol", "--link", "wecom=wangwu", "--patience", "0").exit_code == 0
    text, lines = WRONG[name]
    path = office.file(text)
    for words in ((), ("--apply",)):
        done = office.run("import", path, *words)
        assert done.exit_code == 1
        assert done.stdout.splitlines() == [f"{path}:{line}" for line in lines]
        assert "nothing was changed" in done.stderr
        assert office.people() == {"carol": {"wecom": "wangwu"}}


def test_passwords_of_new_people_are_written_once_for_the_owner_alone(office, tmp_path):
    path, secret = office.file(GOOD), tmp_path / "passwords.csv"
    office.run("add", "bob")
    done = office.run("import", path, "--apply", "--passwords", str(secret))
    assert done.exit_code == 0, done.stderr
    rows = list(csv.DictReader(secret.read_text(encoding="utf-8").splitlines()))
    assert [row["name"] for row in rows] == ["alice", "张三"]
    assert all(len(row["password"]) >= 20 for row in rows)
    assert secret.stat().st_mode & 0o777 == 0o600
    assert rows[0]["password"] not in done.stdout + done.stderr
    assert office.run("import", path, "--passwords", str(tmp_path / "x")).exit_code == 2
    assert office.run("import", path, "--apply", "--passwords", str(secret)).exit_code == 2


def test_a_failure_in_the_middle_leaves_nothing(office, tmp_path, monkeypatch):
    real = Importing._carry_out
    seen = []

    def failing(self, c, one, row, *, password):
        seen.append(one.name)
        if len(seen) == 3:
            raise OSError(28, "No space left on device")
        return real(self, c, one, row, password=password)

    monkeypatch.setattr(Importing, "_carry_out", failing)
    secret = tmp_path / "passwords.csv"
    done = office.run("import", office.file(GOOD), "--apply", "--passwords", str(secret))
    assert done.exit_code == 1
    assert "No space left" in done.stderr
    assert not secret.exists()
    assert office.people() == {}


@pytest.mark.parametrize(("source", "count"), [("wecom", 4), ("dingtalk", 2)])
def test_a_directory_is_imported_saved_and_not_imported_twice(office, tmp_path, source, count):
    saved = tmp_path / "saved.csv"
    done = office.run("import", "--from", source, "--save", str(saved), "--json")
    assert done.exit_code == 0, done.stderr
    rows = json.loads(done.stdout)
    assert len(rows) >= count
    assert {row["does"] for row in rows} == {"new"}
    assert office.people() == {}
    from_file = json.loads(office.run("import", str(saved), "--json").stdout)
    assert [(row["user"], row["links"]) for row in from_file] == [(row["user"], row["links"]) for row in rows]
    assert office.run("import", "--from", source, "--apply").exit_code == 0
    people = office.people()
    assert set(people) == {row["user"] for row in rows}
    assert all(set(links) == {source} for links in people.values())
    assert json.loads(office.run("import", "--from", source, "--json").stdout) == []
    name = next(iter(people))
    connected = office.run(
        "link", name, f"{next(s for s in SOURCES if s != source)}=nobody", "--patience", "0"
    )
    assert connected.exit_code == 0


def test_a_directory_that_may_not_be_read_is_a_sentence(office):
    office.path.write_text(office.path.read_text().replace('secret = "', 'secret = "x', 1))
    done = office.run("import", "--from", "wecom")
    assert done.exit_code == 1
    assert "secret" in done.stderr
    assert office.run("import", "--from", "wecon").exit_code == 2
    assert office.run("import").exit_code == 2


def test_names_are_made_of_addresses_and_are_free():
    rows = [
        {"id": "ZhangSan", "email": "Zhang.San@corp.example", "user": ""},
        {"id": "u2", "email": "zhang.san@other.example", "user": ""},
        {"id": "manager 42", "email": "", "user": ""},
        {"id": "u4", "email": "", "user": "linked already"},
        {"id": "///", "email": "", "user": ""},
    ]
    found = of_directory("wecom", rows, ["bob"])
    assert [one.name for one in found] == ["zhang.san", "zhang.san2", "manager-42", "person"]


@given(st.text(max_size=80))
def test_a_name_made_of_any_text_is_one(text):
    made = name_of(text)
    if made:
        check_user_name(made)


CELLS = (
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)
    .map(str.strip)
    .filter(bool)
)


@settings(max_examples=60)
@given(st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=8))
def test_what_is_written_is_read_back(rows):
    people = [NewPerson(line=0, name=a, email=b, links=(("wecom", c),)) for a, b, c in rows]
    found, wrong = read(written(people, SOURCES), SOURCES)
    assert wrong == []
    assert [(x.name, x.email, x.links) for x in found] == [(x.name, x.email, x.links) for x in people]
