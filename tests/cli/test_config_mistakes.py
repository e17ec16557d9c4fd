"""What ``check-config`` answers to the mistakes that people make: each with the exact line it prints."""

from __future__ import annotations

import socket
import stat
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from bridge.cli.main import cli

if TYPE_CHECKING:
    from pathlib import Path

WECOM = '[[source]]\nid = "wecom"\nkind = "wecom"\ncorp_id = "ww1"\nsecret = "s"\n'
DINGTALK = (
    '[[source]]\nid = "ding"\nkind = "dingtalk"\nclient_id = "d1"\nclient_secret = "s"\npush = "stream"\n'
)
KEY = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"
URL = "write it like https://cal.example.com or https://example.com/calendar"
DATABASES = "write sqlite:////var/lib/queqiao/queqiao.db or postgresql+psycopg://user:password@host/name"
LISTEN = "write it like 127.0.0.1:5232 or [::1]:5232"

MISTAKES: dict[str, tuple[str, str]] = {
    # ---- keys
    "a misspelt key": (
        '[server]\nlissen = "127.0.0.1:5232"\n',
        "2: server.lissen: there is no option 'lissen'; did you mean listen?",
    ),
    "a misspelt table": ("[servr]\n", "1: servr: there is no option 'servr'; did you mean server?"),
    "a key of another table": (
        "[server]\npoll_s = 30\n",
        "2: server.poll_s: there is no option 'poll_s'; it belongs into [sync]",
    ),
    "a key before the first table": (
        'listen = "127.0.0.1:5232"\n',
        "1: listen: there is no option 'listen'; it belongs into [server]",
    ),
    "a key of the other vendor": (
        f'{WECOM}client_id = "d1"\n',
        "6: source[1].client_id: there is no option 'client_id'; "
        'only a source with kind = "dingtalk" has it; remove it, or change kind',
    ),
    "a key as the vendor's console calls it": (
        f'{DINGTALK}app_key = "d1"\n',
        "7: source[1].app_key: there is no option 'app_key'; did you mean client_id?",
    ),
    "a key as WeCom's documents call it": (
        f'{WECOM}corpsecret = "s"\n',
        "6: source[1].corpsecret: there is no option 'corpsecret'; did you mean secret?",
    ),
    "a key in capitals": (
        f'{WECOM}Base_URL = "https://x.example"\n',
        "6: source[1].Base_URL: there is no option 'Base_URL'; did you mean base_url?",
    ),
    "a key with a dash": (
        "[sync]\npast-days = 30\n",
        "2: sync.past-days: there is no option 'past-days'; did you mean past_days?",
    ),
    "a key that nothing is like": (
        "[log]\nzzzzzz = 1\n",
        "2: log.zzzzzz: there is no option 'zzzzzz'; remove it; config.example.toml lists every option",
    ),
    # ---- not TOML
    "a key twice": (
        "[server]\nthreads = 1\nthreads = 2\n",
        "3: not TOML: Cannot overwrite a value at column 12; "
        "the key stands twice in its table: remove one of the two",
    ),
    "a table twice": (
        "[log]\n[log]\n",
        "2: not TOML: Cannot declare ('log',) twice at column 5; "
        "the table stands twice: put its options under one heading",
    ),
    "a text without quotes": (
        "[server]\n\nlisten = 127.0.0.1:5232\n",
        "3: not TOML: Expected newline or end of document after a statement at column 15; "
        'write the text in quotes: listen = "…"',
    ),
    "a word without quotes": (
        "[log]\nlevel = debug\n",
        '2: not TOML: Invalid value at column 9; write the text in quotes: level = "…"',
    ),
    "a backslash": (
        '[database]\nurl = "C:\\queqiao"\n',
        "2: not TOML: Unescaped '\\' in a string at column 12; "
        "double the backslash, or write the text in single quotes",
    ),
    "quotes that are not closed": (
        '[server]\nlisten = "127.0.0.1:5232\nthreads = 4\n',
        "2: not TOML: Illegal character '\\n' at column 25; close the quotes on the same line",
    ),
    "curly quotes": (
        "[log]\nlevel = “info”\n",
        '2: not TOML: Invalid value at column 9; write straight quotes: "…"',
    ),
    "Python's truth": (
        f"{WECOM}sign_in = True\n",
        "6: not TOML: Invalid value at column 11; write true or false, in small letters",
    ),
    # ---- types and ranges
    "a number in quotes": (
        '[server]\nthreads = "16"\n',
        "2: server.threads: '16' is not possible: it must be a whole number from 1 to 256; change threads",
    ),
    "a fraction": (
        "[sync]\npast_days = 3.5\n",
        "2: sync.past_days: 3.5 is not possible: it must be a whole number from 0 to 3650; change past_days",
    ),
    "a truth for a number": (
        "[server]\nthreads = true\n",
        "2: server.threads: true is not possible: it must be a whole number from 1 to 256; change threads",
    ),
    "a number for a truth": (
        f"{WECOM}allow_delete_calendar = 1\n",
        "6: source[1].allow_delete_calendar: 1 is not possible: it must be true or false; "
        "change allow_delete_calendar",
    ),
    "a date for a number": (
        "[sync]\nfuture_days = 2027-01-31\n",
        "2: sync.future_days: 2027-01-31 is not possible: it must be a whole number from 1 to 3650; "
        "change future_days",
    ),
    "a text for a list": (
        '[ui]\nadmins = "alice"\n',
        '2: ui.admins: \'alice\' is not possible: it must be a list of texts, like ["one", "two"]; change admins',
    ),
    "a number above its range": (
        "[sync]\nwrite_wait_s = 600\n",
        "2: sync.write_wait_s: 600 is not possible: it must be a number from 0 to 60; change write_wait_s",
    ),
    "a number below its range": (
        f"{DINGTALK}monthly_calls = 0\n",
        "7: source[1].monthly_calls: 0 is not possible: it must be a whole number from 1 to 1000000000; "
        "change monthly_calls",
    ),
    "a timeout of nothing": (
        f"{WECOM}timeout_s = 0\n",
        "6: source[1].timeout_s: 0 is not possible: it must be a number from more than 0 to 120; change timeout_s",
    ),
    "a misspelt word": (
        '[log]\nlevel = "warn"\n',
        '2: log.level: \'warn\' is not possible: it must be "debug", "info", "warning" or "error"; '
        'did you mean "warning"?',
    ),
    "a table where a list is due": (
        '[source]\nid = "wecom"\n',
        "1: source: [source] is one table, but there may be several; write [[source]]",
    ),
    "a list where a table is due": (
        "[[server]]\n",
        "1: server[1]: [[server]] makes a list of it; write [server], once",
    ),
    # ---- addresses
    "a port alone": ('[server]\nlisten = "5232"\n', f"2: server.listen: it is not HOST:PORT; {LISTEN}"),
    "a port that does not exist": (
        '[server]\nlisten = "127.0.0.1:99999"\n',
        f"2: server.listen: the port is not a number from 0 to 65535; {LISTEN}",
    ),
    "an IPv6 address without brackets": (
        '[server]\nlisten = "::1:5232"\n',
        f"2: server.listen: an IPv6 address stands in brackets, like [::1]:5232; {LISTEN}",
    ),
    "one address twice": (
        '[server]\nadmin_listen = "127.0.0.1:5232"\n',
        "2: server.admin_listen: it is the same address as listen; give admin_listen a port of its own",
    ),
    "a wildcard over the other address": (
        '[server]\nlisten = "0.0.0.0:5233"\npublic_url = "https://a.example"\nadmin_listen = "127.0.0.1:5233"\n',
        "4: server.admin_listen: it is covered by the same port of listen; give admin_listen a port of its own",
    ),
    "a URL without a scheme": (
        '[server]\npublic_url = "cal.example.com"\n',
        f"2: server.public_url: it is not a URL that begins with https:// or http:// and a host; {URL}",
    ),
    "a URL with a password": (
        '[server]\npublic_url = "https://u:hush@cal.example.com"\n',
        "2: server.public_url: it carries a user name or password; leave out everything before the @",
    ),
    "a URL with a query": (
        f'{WECOM}base_url = "https://qyapi.weixin.qq.com/?debug=1"\n',
        "6: source[1].base_url: it carries a query or fragment; leave out everything from the ? or # on",
    ),
    "a proxy that is no address": (
        '[server]\ntrusted_proxies = ["10.0.0.300"]\n',
        "2: server.trusted_proxies: '10.0.0.300' is no address or network; "
        "write addresses or networks, like 127.0.0.1, 10.0.0.0/8 or ::1",
    ),
    "a mail address for a mail domain": (
        f'{WECOM}mail_domain = "@corp.example.cn"\n',
        "6: source[1].mail_domain: it is no mail domain; write it like staff.example.com, without an @",
    ),
    # ---- database and files
    "a database that is not supported": (
        '[database]\nurl = "mysql://u:hush@host/queqiao"\n',
        f"2: database.url: only SQLite and PostgreSQL are supported; {DATABASES}",
    ),
    "a path for a database URL": (
        '[database]\nurl = "/var/lib/queqiao/queqiao.db"\n',
        f"2: database.url: it is no database URL; {DATABASES}",
    ),
    "a database in memory": (
        '[database]\nurl = "sqlite:///:memory:"\n',
        f"2: database.url: a database in memory forgets every edit at a restart; {DATABASES}",
    ),
    "a server without a database": (
        '[database]\nurl = "postgresql://db.internal"\n',
        f"2: database.url: the name of the database is missing; {DATABASES}",
    ),
    "a control character": (
        '[database]\nurl = "sqlite:////var/lib/q\\u0000.db"\n',
        "2: database.url: it holds a control character; write url anew, without copying it",
    ),
    "a relative path of working days": (
        '[ui]\nworkday_data = "china.toml"\n',
        "2: ui.workday_data: it is no absolute path; "
        "write the absolute path of a file like bridge/ical/china.toml, or leave it empty",
    ),
    "a file of working days that is not there": (
        '[ui]\nworkday_data = "{folder}/china.toml"\n',
        "2: ui.workday_data: there is no file {folder}/china.toml; "
        "write the absolute path of a file like bridge/ical/china.toml, or leave it empty",
    ),
    # ---- secrets
    "a secret file that is not there": (
        WECOM.replace('secret = "s"', 'secret_file = "wecom-secret"'),
        "5: source[1].secret_file: there is no file {folder}/wecom-secret; make it, or mend the path",
    ),
    "a secret file that is empty": (
        WECOM.replace('secret = "s"', 'secret_file = "empty"'),
        "5: source[1].secret_file: {folder}/empty is empty; write the secret into it",
    ),
    "a secret file with two lines": (
        WECOM.replace('secret = "s"', 'secret_file = "two"'),
        "5: source[1].secret_file: {folder}/two holds more than one line, or blanks around the secret; "
        "leave only the secret in it",
    ),
    "a secret file that is a folder": (
        WECOM.replace('secret = "s"', 'secret_file = "folder"'),
        "5: source[1].secret_file: {folder}/folder: it is a directory; name a file",
    ),
    "a secret twice": (
        f'{WECOM}secret_file = "two"\n',
        "6: source[1].secret_file: secret and secret_file are both given; keep one of the two",
    ),
    "a short AES key": (
        f'{WECOM}callback_token = "t"\ncallback_aes_key = "{KEY[:-1]}"\n',
        "7: source[1].callback_aes_key: it has 42 characters instead of 43; "
        "copy the EncodingAESKey from the vendor's console: 43 letters and digits",
    ),
    "half a callback": (
        f'{WECOM}callback_token = "t"\n',
        "1: source[1]: callback_aes_key is missing: a callback needs a token and a key; "
        "add callback_aes_key or callback_aes_key_file, as the vendor's console shows it",
    ),
    "push without a callback": (
        DINGTALK.replace("stream", "http"),
        "1: source[1]: callback_token is missing: a callback needs a token and a key; "
        "add callback_token or callback_token_file, as the vendor's console shows it",
    ),
    # ---- sources
    "a kind that does not exist": (
        WECOM.replace('kind = "wecom"', 'kind = "wecon"'),
        "3: source[1].kind: there is no kind 'wecon'; did you mean \"wecom\"?",
    ),
    "no kind": (
        WECOM.replace('kind = "wecom"\n', ""),
        '1: source[1]: kind is missing; add kind = "wecom" or "dingtalk"',
    ),
    "no company": (
        WECOM.replace('corp_id = "ww1"\n', ""),
        "1: source[1]: corp_id is missing; add corp_id = …",
    ),
    "no secret": (
        WECOM.replace('secret = "s"\n', ""),
        "1: source[1]: secret or secret_file is missing; add secret = …",
    ),
    "two sources of one name": (
        WECOM + DINGTALK.replace('"ding"', '"wecom"'),
        "7: source[2].id: the id 'wecom' is already taken by the source on line 2; "
        "give each source an id of its own",
    ),
    "a name that no URL can hold": (
        WECOM.replace('"wecom"', '"We Com"', 1),
        "2: source[1].id: it may hold only a-z, 0-9, - and _, and begins and ends with a letter or digit; "
        "write 'we-com', for instance",
    ),
    "a zone that does not exist": (
        f'{WECOM}default_timezone = "Asia/Shangai"\n',
        "6: source[1].default_timezone: there is no time zone 'Asia/Shangai'; did you mean Asia/Shanghai?",
    ),
    "an id in quotes": (
        f'{WECOM}agent_id = "1000002"\n',
        "6: source[1].agent_id: '1000002' is not possible: it must be a whole number of at least 0; change agent_id",
    ),
    "a way of pushing that does not exist": (
        DINGTALK.replace("stream", "webhook"),
        '6: source[1].push: \'webhook\' is not possible: it must be "stream", "http" or "off"; change push',
    ),
    "signing in without an app": (
        f"{WECOM}sign_in = true\n",
        "6: source[1].sign_in: signing in by WeCom needs agent_id; "
        "add agent_id, the AgentId of the app in WeCom's console",
    ),
}

ADVICE: dict[str, tuple[str, str]] = {
    "no source": ("", ": source: there is no source: nothing can be synchronised; add a [[source]]"),
    "an address that is not this machine's": (
        '[server]\nlisten = "203.0.113.7:5232"\npublic_url = "https://a.example"\n' + WECOM,
        ":2: server.listen: this machine has no address 203.0.113.7, so nothing could be served there; "
        "name one of its own (`ip address` lists them)",
    ),
    "a wildcard without a public address": (
        f'[server]\nlisten = "0.0.0.0:5232"\n{WECOM}',
        ":2: server.listen: listen is a wildcard, so links would point at 127.0.0.1; "
        "set public_url to what clients type",
    ),
    "operations for everybody": (
        f'[server]\nadmin_listen = "0.0.0.0:5299"\n{WECOM}',
        ":2: server.admin_listen: metrics and states can be read by everybody who reaches this address; "
        "listen on 127.0.0.1, or guard it with a firewall",
    ),
    "no TLS before the clients": (
        f'[server]\npublic_url = "http://cal.example.com"\n{WECOM}',
        ":2: server.public_url: passwords would travel unencrypted, and Apple's clients refuse to send them; "
        "put a proxy with TLS in front and write https://",
    ),
    "no TLS to the vendor": (
        f'{WECOM}base_url = "http://qyapi.weixin.qq.com"\n',
        ":6: source[1].base_url: secrets would travel unencrypted; use https://",
    ),
    "trust in everybody": (
        f'[server]\ntrusted_proxies = ["0.0.0.0/0"]\n{WECOM}',
        ":2: server.trusted_proxies: 0.0.0.0/0 is everybody: anybody could pretend to come from anywhere; "
        "name the address of the proxy",
    ),
    "a folder that is not there": (
        f'[database]\nurl = "sqlite:////nonexistent/queqiao.db"\n{WECOM}',
        ":2: database.url: the folder /nonexistent does not exist; make it and give it to the bridge's user",
    ),
    "one app twice": (
        WECOM + WECOM.replace('id = "wecom"', 'id = "again"'),
        ":6: source[2]: source[1] is the same app at the same vendor; keep one, or each event is mirrored twice",
    ),
    "one organisation's bill twice": (
        DINGTALK + 'corp_id = "dingcorp"\n' + DINGTALK.replace('"ding"', '"two"').replace("d1", "d2")
        + 'corp_id = "dingcorp"\n',
        ":8: source[2].monthly_calls: source[1] is the same organisation, whose calls are billed together; "
        "let monthly_calls of both add up to what its plan bills",
    ),
    "polls that are billed": (
        DINGTALK.replace("stream", "off"),
        ":6: source[1].push: changes made in DingTalk are only seen at the next poll, and polls are billed; "
        'write push = "stream"; it needs no public address',
    ),
    "a callback that is not used": (
        f'{DINGTALK}callback_token = "t"\ncallback_aes_key = "{KEY}"\n',
        ':6: source[1].push: a callback is configured, but push is "stream"; '
        'write push = "http", or remove the callback',
    ),
    "signing in without a public address": (
        f"{WECOM}agent_id = 1\nsign_in = true\n",
        ":7: source[1].sign_in: the vendor sends people who signed in back to public_url, and there is none; "
        "set public_url to what people type",
    ),
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in (("empty", ""), ("two", "one\ntwo\n"), ("open", "hush")):
        (tmp_path / name).write_text(content)
        (tmp_path / name).chmod(0o600)
    (tmp_path / "folder").mkdir()
    return tmp_path


def check(folder: Path, text: str, *words: str) -> tuple[int, list[str]]:
    """Return the exit status and the lines of ``check-config`` for a configuration."""
    path = folder / "config.toml"
    if not path.exists():
        path.touch(0o600)
    path.write_text(text.replace("{folder}", str(folder)), encoding="utf-8")
    done = CliRunner().invoke(cli, ["--config", str(path), "check-config", *words])
    assert done.stderr == ""
    return done.exit_code, done.stdout.splitlines()


def test_the_tables_are_long_enough() -> None:
    assert len(MISTAKES) >= 60
    assert len(ADVICE) >= 13


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_has_its_line(folder: Path, name: str) -> None:
    text, line = MISTAKES[name]
    status, lines = check(folder, text)
    assert status == 2
    assert lines == [f"problem: {folder}/config.toml:{line}".replace("{folder}", str(folder))]
    assert "hush" not in "\n".join(lines)


@pytest.mark.parametrize("name", ADVICE)
def test_what_works_but_should_not_stay_has_its_line(folder: Path, name: str) -> None:
    text, line = ADVICE[name]
    status, lines = check(folder, text)
    assert status == 0
    assert f"warning: {folder}/config.toml{line}" in lines
    assert lines[-1] == f"{folder}/config.toml: usable"


def test_all_mistakes_of_a_file_are_told_at_once_in_its_order(folder: Path) -> None:
    chosen = [
        name
        for name in MISTAKES
        if MISTAKES[name][0].startswith(WECOM) and MISTAKES[name][0].count("\n") == 6
    ]
    keys = [MISTAKES[name] for name in chosen if "sign_in" not in MISTAKES[name][0]]
    extra = [text.removeprefix(WECOM) for text, _ in keys if "not TOML" not in _]
    text = '[server]\nthreads = "16"\n' + WECOM + "".join(dict.fromkeys(extra))
    status, lines = check(folder, text)
    assert status == 2
    assert len(lines) == len(extra) + 1
    told = [int(line.removeprefix(f"problem: {folder}/config.toml:").partition(":")[0]) for line in lines]
    assert told == sorted(told)
    assert len(extra) >= 8


@pytest.mark.parametrize(
    ("mode", "line"),
    [
        (0o644, "everybody on this machine may read {folder}/open; chmod o-r {folder}/open"),
        (0o602, "everybody on this machine may change {folder}/open; chmod o-w {folder}/open"),
    ],
)
def test_a_secret_file_that_everybody_may_touch_is_named(folder: Path, mode: int, line: str) -> None:
    (folder / "open").chmod(mode)
    _, lines = check(folder, WECOM.replace('secret = "s"', 'secret_file = "open"'))
    line = line.replace("{folder}", str(folder))
    assert f"warning: {folder}/config.toml:5: source[1].secret_file: {line}" in lines


@pytest.mark.parametrize(
    "text",
    [WECOM, '[database]\nurl = "postgresql://queqiao:hush@db.internal/queqiao"\n', DINGTALK],
)
def test_a_configuration_with_secrets_that_everybody_may_read_is_named(folder: Path, text: str) -> None:
    path = folder / "config.toml"
    path.touch()
    path.chmod(0o646)
    _, lines = check(folder, text)
    reading = "the file holds secrets and everybody on this machine may read it"
    cure = f"chmod o-r {path}, or move the secrets into files of their own (…_file)"
    assert f"warning: {path}: {reading}; {cure}" in lines
    assert f"warning: {path}: everybody on this machine may change the file; chmod o-w {path}" in lines
    assert stat.S_IMODE(path.stat().st_mode) == 0o646
    assert "hush" not in "\n".join(lines)


@pytest.mark.parametrize(
    ("flag", "line"),
    [
        ("missing.toml", "{folder}/missing.toml: there is no such file; --config names it; mend the path"),
        ("folder", "{folder}/folder: it is a directory; name a file"),
    ],
)
def test_a_file_that_is_none(folder: Path, flag: str, line: str) -> None:
    done = CliRunner().invoke(cli, ["--config", str(folder / flag), "check-config"])
    assert done.exit_code == 2
    assert line.replace("{folder}", str(folder)) in done.output


def test_a_port_that_nobody_listens_on_is_told_online(folder: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{free.getsockname()[1]}"
        status, lines = check(
            folder, f'[server]\nlisten="127.0.0.1:0"\n{WECOM}base_url = "{closed}"\n', "--online"
        )
    assert status == 1
    assert "source wecom: gettoken: no connection to the vendor (ConnectError); it is tried again" in lines
    assert lines[-1] == f"{folder}/config.toml: usable, 1 sources answer with a failure"
