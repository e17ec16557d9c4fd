"""The configuration file: what is read, and what is said about what cannot be."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bridge.config import Config, DingTalkSource, Server, WeComSource, address_of, split_listen
from bridge.config_load import ConfigError, find, inspect, load

if TYPE_CHECKING:
    from collections.abc import Iterator

AES_KEY = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"

GOOD = """
[server]
listen = "127.0.0.1:5232"
public_url = "HTTPS://Cal.Example.com:443/team//calendar/"

[database]
url = "sqlite:///queqiao.db"

[[source]]
id = "wecom"
kind = "wecom"
corp_id = "ww0123456789abcdef"
secret_file = "wecom-secret"

[[source]]
id = "dingtalk"
kind = "dingtalk"
client_id = "ding0123"
client_secret = "inline"
push = "stream"
monthly_calls = 20000

[sync]
write_wait_s = 5
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    secret = tmp_path / "wecom-secret"
    secret.write_text("s3cret-of-wecom\n")
    secret.chmod(0o600)
    return tmp_path


def written(folder: Path, text: str) -> Path:
    path = folder / "config.toml"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return path


def problems(folder: Path, text: str) -> dict[str, str]:
    """Return key -> "line reason; cure" of everything that is wrong."""
    with pytest.raises(ConfigError) as caught:
        load(written(folder, text))
    return {found.key: f"{found.line} {found.reason}; {found.cure}" for found in caught.value.problems}


def test_a_complete_file_becomes_structs_with_resolved_secrets(folder: Path) -> None:
    config = load(written(folder, GOOD))
    wecom, dingtalk = config.source
    assert isinstance(wecom, WeComSource)
    assert isinstance(dingtalk, DingTalkSource)
    assert wecom.secret == "s3cret-of-wecom"
    assert dingtalk.client_secret == "inline"
    assert (dingtalk.push, dingtalk.monthly_calls) == ("stream", 20000)
    assert config.sync.write_wait_s == 5.0
    assert config.server.public_url == "https://cal.example.com/team/calendar"


def test_an_empty_file_means_the_defaults(folder: Path) -> None:
    assert load(written(folder, "")) == Config()


def test_all_problems_are_reported_at_once_with_their_lines(folder: Path) -> None:
    found = problems(
        folder,
        """[server]
lissen = "127.0.0.1:5232"
threads = "many"
admin_listen = "5233"

[sync]
write_wait_s = -1
past_days = 3.5

[[source]]
id = "We Com"
kind = "wecom"
secret = ""
""",
    )
    assert found["server.lissen"].startswith("2 ")
    assert "listen" in found["server.lissen"]
    assert found["server.threads"].startswith("3 ")
    assert "whole number from 1 to 256" in found["server.threads"]
    assert found["server.admin_listen"].startswith("4 ")
    assert found["sync.write_wait_s"].startswith("7 ")
    assert found["sync.past_days"].startswith("8 ")
    assert found["source[1].id"].startswith("11 ")
    assert "we-com" in found["source[1].id"]
    assert found["source[1].secret"].startswith("13 ")
    assert "corp_id is missing" in found["source[1]"]
    assert len(found) == 8


@pytest.mark.parametrize(
    ("text", "key", "says"),
    [
        ("[servr]\n", "servr", "did you mean server?"),
        ("[server]\nwrite_wait_s = 3\n", "server.write_wait_s", "it belongs into [sync]"),
        ("[server]\nzzz = 3\n", "server.zzz", "config.example.toml"),
        ('[source]\nid = "a"\n', "source", "[[source]]"),
        ("[[server]]\n", "server[1]", "[server]"),
        ("server = 3\n", "server", "not a table"),
        ('[[source]]\nid = "a"\n', "source[1]", "kind is missing"),
        ('[[source]]\nid = "a"\nkind = "dingtalkk"\n', "source[1].kind", 'did you mean "dingtalk"?'),
        ('[[source]]\nid = "a"\nkind = "feishu"\n', "source[1].kind", '"wecom" or "dingtalk"'),
        ("[[source]]\nid = 'a'\nkind = 7\n", "source[1].kind", "there is no kind 7"),
        ('[server]\nlisten = "::1:5232"\n', "server.listen", "brackets"),
        ('[server]\nlisten = "host:99999"\n', "server.listen", "65535"),
        ('[server]\nlisten = ":5232"\n', "server.listen", "HOST:PORT"),
        ('[server]\nlisten = "127.0.0.1:5233"\n', "server.admin_listen", "same address"),
        ('[server]\npublic_url = "cal.example.com"\n', "server.public_url", "https://"),
        ('[server]\npublic_url = "https://u:p@cal.example.com"\n', "server.public_url", "password"),
        ('[server]\npublic_url = "https://cal.example.com/?a=b"\n', "server.public_url", "query"),
        ('[server]\npublic_url = "https://cal.example.com/a/../b"\n', "server.public_url", ".."),
        ('[server]\npublic_url = "https://cal.example.com:port/"\n', "server.public_url", "port"),
        ('[server]\ntrusted_proxies = ["10.0.0.0/33"]\n', "server.trusted_proxies", "network"),
        ('[server]\ntrusted_proxies = "10.0.0.1"\n', "server.trusted_proxies", "list of texts"),
        ("[server]\nthreads = true\n", "server.threads", "whole number"),
        ("[server]\nobject_bytes_max = 3000000\n", "server.object_bytes_max", "larger than"),
        ('[database]\nurl = "mysql://h/d"\n', "database.url", "SQLite and PostgreSQL"),
        ('[database]\nurl = "sqlite://"\n', "database.url", "needs a file"),
        ('[database]\nurl = "sqlite:///:memory:"\n', "database.url", "forgets"),
        ('[database]\nurl = "postgresql://host"\n', "database.url", "name of the database"),
        ('[database]\nurl = "/var/lib/x.db"\n', "database.url", "no database URL"),
        ('[log]\nlevel = "verbose"\n', "log.level", '"debug", "info", "warning" or "error"'),
        ('[log]\nformat = "jsn"\n', "log.format", 'did you mean "json"?'),
        ("[sync]\nwrite_wait_s = nan\n", "sync.write_wait_s", "from 0 to 60"),
        ("[sync]\npoll_s = 1979-05-27T07:32:00Z\n", "sync.poll_s", "a number"),
    ],
)
def test_what_cannot_be_meant_is_named_with_a_cure(folder: Path, text: str, key: str, says: str) -> None:
    assert says in problems(folder, text)[key]


@pytest.mark.parametrize(
    ("extra", "key", "says"),
    [
        ('timezone = "x"\n', "source[1].timezone", "did you mean default_timezone?"),
        ('default_timezone = "Asia/Shangai"\n', "source[1].default_timezone", "Asia/Shanghai"),
        ('callback_token = "abc"\n', "source[1]", "callback_aes_key is missing"),
        ('callback_token = "abc"\ncallback_aes_key = "short"\n', "source[1].callback_aes_key", "43"),
        (f'callback_aes_key = "{AES_KEY[:-1]}!"\n', "source[1].callback_aes_key", "base64"),
        ('base_url = "ftp://x"\n', "source[1].base_url", "https://"),
        ('mail_domain = "@example.com"\n', "source[1].mail_domain", "without an @"),
        ("allow_delete_calendar = 1\n", "source[1].allow_delete_calendar", "true or false"),
        ('secret_file = "wecom-secret"\n', "source[1].secret_file", "both given"),
        ('push = "stream"\n', "source[1].push", "there is no option"),
    ],
)
def test_a_source_is_checked_option_by_option(folder: Path, extra: str, key: str, says: str) -> None:
    base = '[[source]]\nid = "w"\nkind = "wecom"\ncorp_id = "c"\nsecret = "s"\n'
    assert says in problems(folder, base + extra)[key]


def test_two_sources_with_one_id_name_each_other(folder: Path) -> None:
    one = '[[source]]\nid = "w"\nkind = "wecom"\ncorp_id = "c"\nsecret = "s"\n'
    found = problems(folder, one + one)
    assert found["source[2].id"].startswith("7 ")
    assert "on line 2" in found["source[2].id"]


def test_http_push_needs_a_callback(folder: Path) -> None:
    text = '[[source]]\nid="d"\nkind="dingtalk"\nclient_id="c"\nclient_secret="s"\npush="http"\n'
    assert "callback_token is missing" in problems(folder, text)["source[1]"]
    complete = text + f'callback_token = "t"\ncallback_aes_key = "{AES_KEY}"\n'
    assert load(written(folder, complete)).source[0].callback_aes_key == AES_KEY


def test_a_secret_never_appears_in_a_problem(folder: Path) -> None:
    text = '[[source]]\nid="d"\nkind="dingtalk"\nclient_id="c"\nclient_secret=["hush-hush"]\n'
    text += 'callback_token="t"\ncallback_aes_key="hush-hush"\n[database]\nurl="mysql://u:hush-hush@h/d"\n'
    with pytest.raises(ConfigError) as caught:
        load(written(folder, text))
    assert len(caught.value.problems) == 3
    assert "hush-hush" not in str(caught.value)


def test_a_secret_never_appears_in_the_repr_of_a_configuration(folder: Path) -> None:
    shown = repr(load(written(folder, GOOD)))
    assert "s3cret-of-wecom" not in shown
    assert "inline" not in shown
    assert "ww0123456789abcdef" in shown


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"one\ntwo\n", "more than one line"),
        (b" padded \n", "blanks"),
        (b"\xff\xfe", "not UTF-8"),
        (b"x" * 20_000, "more than 16384 bytes"),
    ],
)
def test_an_unusable_secret_file_is_a_problem(folder: Path, content: bytes, says: str) -> None:
    (folder / "wecom-secret").write_bytes(content)
    assert says in problems(folder, GOOD)["source[1].secret_file"]


def test_a_missing_secret_file_names_every_place_that_was_tried(folder: Path) -> None:
    credentials = folder / "credentials"
    credentials.mkdir()
    (folder / "wecom-secret").unlink()
    found = inspect(written(folder, GOOD), credentials_dir=credentials).problems
    assert str(credentials / "wecom-secret") in found[0].reason
    assert str(folder / "wecom-secret") in found[0].reason


def test_a_secret_file_may_not_be_a_directory(folder: Path) -> None:
    (folder / "wecom-secret").unlink()
    (folder / "wecom-secret").mkdir()
    assert "directory" in problems(folder, GOOD)["source[1].secret_file"]


def test_the_credentials_directory_comes_first(folder: Path) -> None:
    credentials = folder / "credentials"
    credentials.mkdir()
    (credentials / "wecom-secret").write_text("from-systemd")
    config = load(written(folder, GOOD), credentials_dir=credentials)
    assert config.source[0].secret == "from-systemd"


def test_only_the_trailing_newline_of_a_secret_is_dropped(folder: Path) -> None:
    (folder / "wecom-secret").write_bytes(b"a=b c#d\r\n")
    assert load(written(folder, GOOD)).source[0].secret == "a=b c#d"


def test_a_database_address_may_come_from_a_file_as_well(folder: Path) -> None:
    (folder / "db-url").write_text("postgres://queqiao:pw@db.internal/queqiao\n")
    config = load(written(folder, '[database]\nurl_file = "db-url"\n'))
    assert config.database.url == "postgresql+psycopg://queqiao:pw@db.internal/queqiao"


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:////var/lib/queqiao/queqiao.db", "/var/lib/queqiao/queqiao.db"),
        ("sqlite:///var/lib/queqiao/queqiao.db", "/var/lib/queqiao/queqiao.db"),
        ("sqlite:///data/queqiao.db", "{folder}/data/queqiao.db"),
        ("sqlite:///./var/queqiao.db", "{folder}/var/queqiao.db"),
        ("sqlite:///variety.db", "{folder}/variety.db"),
    ],
)
def test_a_sqlite_path_is_where_an_administrator_expects_it(folder: Path, url: str, path: str) -> None:
    config = load(written(folder, f'[database]\nurl = "{url}"\n'))
    assert config.database.url == "sqlite:///" + path.format(folder=folder)


def test_what_is_not_toml_is_reported_with_its_line(folder: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(written(folder, '[server]\nlisten = "a"\nthreads = = 3\n'))
    assert caught.value.problems[0].line == 3


def test_a_file_of_another_encoding_is_a_problem_and_a_byte_order_mark_is_none(folder: Path) -> None:
    path = folder / "config.toml"
    path.write_bytes("[server]\nlisten = '中文'".encode("gb18030"))
    with pytest.raises(ConfigError, match="UTF-8"):
        load(path)
    path.write_bytes(b"\xef\xbb\xbf[sync]\npast_days = 7\n")
    assert load(path).sync.past_days == 7


def test_warnings_do_not_stop_anything(folder: Path) -> None:
    path = written(folder, GOOD.replace("HTTPS://Cal.Example.com:443", "http://cal.example.com"))
    path.chmod(0o644)
    (folder / "wecom-secret").chmod(0o644)
    inspection = inspect(path)
    assert inspection.config is not None
    keys = {warning.key for warning in inspection.warnings}
    assert {"source[1].secret_file", "server.public_url", ""} <= keys
    assert all(warning.cure for warning in inspection.warnings)


def test_a_private_and_complete_set_up_has_no_warnings(folder: Path) -> None:
    assert inspect(written(folder, GOOD)).warnings == []


def test_the_file_is_looked_for_in_the_documented_order(tmp_path: Path) -> None:
    here = tmp_path / "config.toml"
    with pytest.raises(ConfigError, match="there is no configuration"):
        find(None, environment={}, here=tmp_path / "nowhere")
    here.write_text("")
    named = tmp_path / "named.toml"
    named.write_text("")
    assert find(None, environment={}, here=tmp_path) == here
    assert find(None, environment={"QUEQIAO_CONFIG": str(named)}, here=tmp_path) == named
    assert find(named, environment={"QUEQIAO_CONFIG": str(here)}, here=tmp_path) == named
    with pytest.raises(ConfigError, match="--config names it"):
        find(tmp_path / "missing.toml", environment={}, here=tmp_path)
    with pytest.raises(ConfigError, match="QUEQIAO_CONFIG names it"):
        find(None, environment={"QUEQIAO_CONFIG": "/nonexistent/x.toml"}, here=tmp_path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("127.0.0.1:0", ("127.0.0.1", 0)), ("[::1]:5232", ("::1", 5232)), ("localhost:80", ("localhost", 80))],
)
def test_a_listen_address_is_split(text: str, expected: tuple[str, int]) -> None:
    assert split_listen(text) == expected


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        (Server(), "http://127.0.0.1:5232"),
        (Server(listen="0.0.0.0:80"), "http://127.0.0.1:80"),
        (Server(listen="[::1]:5232"), "http://[::1]:5232"),
        (Server(public_url="https://a.example/x/"), "https://a.example/x"),
    ],
)
def test_the_address_that_clients_type_is_known_without_a_public_url(server: Server, expected: str) -> None:
    assert address_of(server) == expected


@contextlib.contextmanager
def nobody() -> Iterator[None]:
    """Be somebody who may read little; root would read everything."""
    if os.getuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("locked", ["config.toml", "wecom-secret", "."])
def test_what_may_not_be_read_is_a_problem_with_a_cure(locked: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "wecom-secret").write_text("s")
        url = "sqlite:////var/lib/queqiao/x/queqiao.db"
        path = written(folder, GOOD.replace("sqlite:///queqiao.db", url))
        path.chmod(0o644)
        assert inspect(path).problems == []
        (folder / locked).chmod(0o000)
        with nobody():
            said = [str(found) for found in inspect(find(path)).problems]
        folder.chmod(0o755)
    assert len(said) == 1
    assert "it may not be read; let the bridge's user read it" in said[0]
