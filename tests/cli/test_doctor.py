"""``doctor``: every link of the chain broken once, on real sockets, with its cure; and a report that tells no names."""

from __future__ import annotations

import datetime as dt
import email.utils
import http.server
import json
import re
import socket
import ssl
import threading
from contextlib import ExitStack, closing, contextmanager, suppress

import httpx
import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bridge.cli.main import cli
from bridge.config_load import load
from bridge.daemon.doctor import home, network
from bridge.daemon.run import Daemon
from bridge.model.cures import cure_of
from bridge.model.cures_checks import CALLBACKS, CHECKS
from bridge.providers.http import address_in
from bridge.simulator import dingtalk, wecom
from bridge.simulator.http import serve
from bridge.store.engine import Store

KEY = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Office:
    """Both vendors in boxes, a configuration, and what ``doctor`` says of it."""

    def __init__(self, stack, folder):
        self.wecom, self.dingtalk = wecom.build(), dingtalk.build()
        self.urls = [
            stack.enter_context(serve(box, "127.0.0.1", 0)).url for box in (self.wecom, self.dingtalk)
        ]
        self.facts, self.ding = self.wecom.facts(), self.dingtalk.facts()
        self.folder, self.path = folder, folder / "config.toml"
        self.listen, self.admin = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
        self.write()

    def write(self, *, server="", wecom="", dingtalk="", database="", change=lambda text: text):
        app = self.facts["agents"][0]
        self.path.touch(0o600)
        self.path.write_text(
            change(
                f"""
[server]
listen = "{self.listen}"
admin_listen = "{self.admin}"
{server}
[database]
url = "{database or f"sqlite:///{self.folder}/queqiao.db"}"
[[source]]
id = "wecom"
kind = "wecom"
base_url = "{self.urls[0]}"
corp_id = "{self.facts["corp_id"]}"
agent_id = {app["agent_id"]}
secret = "{app["secret"]}"
{wecom}
[[source]]
id = "dingtalk"
kind = "dingtalk"
base_url = "{self.urls[1]}"
oapi_base_url = "{self.urls[1]}"
client_id = "{self.ding["client_id"]}"
client_secret = "{self.ding["client_secret"]}"
corp_id = "{self.ding["corp_id"]}"
push = "{"http" if "callback" in dingtalk else "stream"}"
{dingtalk}
"""
            )
        )

    def run(self, *words):
        return CliRunner().invoke(cli, ["--config", str(self.path), *words])

    def checks(self):
        """Return (exit status, (check, source) -> row)."""
        done = self.run("doctor", "--json")
        told = json.loads(done.stdout.splitlines()[-1])
        assert done.exit_code == (0 if told["ok"] else 1)
        return done.exit_code, {(row["check"], row["source"]): row for row in told["checks"]}

    def broken(self, check, source=""):
        """Return the row of the one link that is broken."""
        status, rows = self.checks()
        assert status == 1
        failed = [key for key, row in rows.items() if row["ok"] is False]
        assert failed == [(check, source)]
        return rows[check, source]

    def add(self, *words):
        done = self.run("user", "add", *words)
        assert done.exit_code == 0, done.stderr

    def daemon(self):
        return Daemon(load(self.path))


@pytest.fixture
def stack():
    with ExitStack() as made:
        yield made


@pytest.fixture
def office(stack, tmp_path):
    return Office(stack, tmp_path)


def with_cure(row, cure):
    return row == {**row, **cure.as_row()}


def test_a_whole_chain_needs_nobody(office, stack):
    office.add("alice", "--link", "wecom=zhangsan", "--link", "dingtalk=alice01")
    office.write(server=f'public_url = "http://{office.listen}"')
    stack.callback(office.daemon().close)
    status, rows = office.checks()
    assert status == 0
    for source in ("wecom", "dingtalk"):
        for check in ("connection", "clock", "token", "address", "permission", "range"):
            assert rows[check, source]["ok"] is True, rows[check, source]
    for check in ("database", "disk", "daemon", "public"):
        assert rows[check, ""]["ok"] is True, rows[check, ""]
    assert "schema 000" in rows["database", ""]["says"]
    assert "all 1 linked people" in rows["range", "wecom"]["says"]
    assert rows["budget", "dingtalk"]["ok"] is True
    done = office.run("doctor")
    assert done.stdout.splitlines()[-1] == "nothing needs a person"
    assert "ok      token wecom: the vendor gives a token" in done.stdout.splitlines()


def test_before_anything_exists_nothing_is_made_and_nothing_is_wrong(office):
    status, rows = office.checks()
    assert status == 0
    assert [rows[check, ""]["ok"] for check in ("database", "daemon", "public")] == [None, None, None]
    assert rows["permission", "wecom"]["ok"] is None
    assert not (office.folder / "queqiao.db").exists()


# ---- the way there


def test_a_name_that_nobody_knows(office):
    office.write(change=lambda text: text.replace(office.urls[0], "https://vendor.invalid", 1))
    row = office.broken("dns", "wecom")
    assert row["says"].startswith(("the name vendor.invalid is not known", "nobody said within"))
    assert with_cure(row, CHECKS["dns"])
    _, rows = office.checks()
    assert rows["token", "wecom"]["says"] == "the vendor was not asked, because the way there is broken"


def test_a_port_that_nobody_listens_on(office):
    port = free_port()
    office.write(change=lambda text: text.replace(office.urls[0], f"http://127.0.0.1:{port}", 1))
    row = office.broken("connection", "wecom")
    assert row["says"] == f"no connection to 127.0.0.1:{port} (Connection refused)"
    assert with_cure(row, CHECKS["connection"])


def certificate(folder, name, days):
    """Write a certificate for a loopback host that signs itself; returns (certificate, key)."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=40))
        .not_valid_after(now + dt.timedelta(days=days, hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "cert.pem", folder / "key.pem"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return paths


@contextmanager
def web(*, context=None, ahead_s=0.0, status=404, headers=()):
    """Answer everything over HTTP, with a clock that may be wrong; yields the port."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def answer(self):
            self.send_response_only(status)
            if ahead_s is not None:
                now = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=ahead_s)
                self.send_header("Date", email.utils.format_datetime(now, usegmt=True))
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

        def handle(self):
            with suppress(OSError, ssl.SSLError):
                super().handle()

    for method in ("GET", "HEAD", "POST"):
        setattr(Answer, f"do_{method}", Answer.answer)

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_):
            pass

        def get_request(self):
            plain, address = super().get_request()
            if context is None:
                return plain, address
            return context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False), address

    with Server(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_a_certificate_that_is_not_trusted_and_one_that_is(tmp_path, monkeypatch):
    cert, key = certificate(tmp_path, "localhost", 90)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    with web(context=context) as port:
        found = network.connect("localhost", port, "wecom", tls=True)
        assert (found.check, found.ok, found.cure) == ("tls", False, CHECKS["tls"])
        assert "is not trusted: self-signed certificate" in found.says
        monkeypatch.setenv("SSL_CERT_FILE", str(cert))
        found = network.connect("localhost", port, "wecom", tls=True, own=True)
        assert (found.ok, found.facts["days"]) == (True, 90)
    with web() as port:
        found = network.connect("localhost", port, "wecom", tls=True)
        assert (found.check, found.ok) == ("tls", False)
        assert found.says.startswith(f"no TLS with localhost:{port} (")


def test_a_certificate_of_ours_that_ends_soon(tmp_path, monkeypatch):
    cert, key = certificate(tmp_path, "localhost", 5)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    monkeypatch.setenv("SSL_CERT_FILE", str(cert))
    with web(context=context) as port:
        found = network.connect("localhost", port, tls=True, own=True)
        assert (found.check, found.ok, found.cure) == ("certificate", False, CHECKS["certificate"])
        assert found.says == f"the certificate of localhost:{port} ends in 5 days"
        assert network.connect("localhost", port, tls=True).ok is True


@pytest.mark.parametrize(
    ("ahead_s", "ok", "says"),
    [
        (0, True, "within 1 s of 127.0.0.1"),
        (-600, False, "this machine's clock is 600 s ahead of that of 127.0.0.1"),
        (3600, False, "this machine's clock is 3600 s behind that of 127.0.0.1"),
        (None, None, "127.0.0.1 does not say what time it is"),
    ],
)
def test_a_clock_that_is_wrong(ahead_s, ok, says):
    with web(ahead_s=ahead_s) as port:
        found = network.clock(f"http://127.0.0.1:{port}", "wecom")
    assert found.ok is ok
    # Seconds are whole in the header, and this machine may be slow.
    assert re.sub(r"\d+ s", "N s", found.says) == re.sub(r"\d+ s", "N s", says)
    if ok is False:
        assert found.cure == CHECKS["clock"]
        assert abs(found.facts["ahead_s"] + ahead_s) < 5


def test_a_proxy_of_the_environment_is_respected(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "direct.example")
    assert network.goes_through_a_proxy("https", "qyapi.weixin.qq.com")
    assert not network.goes_through_a_proxy("https", "direct.example")
    assert not network.goes_through_a_proxy("https", "127.0.0.1")
    first, second = network.reach("https://qyapi.weixin.qq.com", "wecom")
    assert (first.check, first.ok) == ("dns", None)
    assert (second.check, second.ok) == ("connection", False)


# ---- the vendor


def test_a_wrong_secret(office):
    office.write(change=lambda text: text.replace(office.facts["agents"][0]["secret"], "wrong"))
    row = office.broken("token", "wecom")
    assert with_cure(row, cure_of("wecom", "secret"))


def test_an_address_that_is_not_trusted_is_named_as_the_vendor_saw_it(office):
    office.wecom.switches.set({"trusted_ips": "198.51.100.7"})
    row = office.broken("address", "wecom")
    assert row["says"].endswith("; the vendor saw this machine as 127.0.0.1")
    assert with_cure(row, cure_of("wecom", "address"))
    assert "企业可信IP" in row["what"]
    assert "企业可信IP" in row["what_zh"]


@pytest.mark.parametrize(
    ("words", "address"),
    [
        (
            "not allow to access from your ip, hint: [1767900000_12_0123456789abcdef], from ip: 203.0.113.7, more",
            "203.0.113.7",
        ),
        ("访问ip不在白名单之中,request ip=2001:db8::17,", "2001:db8::17"),
        ("at 12:30:05 of 2026.11.30.4 nothing", ""),
        ("version 1.2.3.400", ""),
        (None, ""),
    ],
)
def test_an_address_is_found_in_a_vendors_words(words, address):
    assert address_in(words) == address


def fault(box, **what):
    """Queue a fault as a test over HTTP would."""
    from bridge.simulator.faults import fault_from_json

    box.faults.add(fault_from_json(what))


def test_a_permission_that_is_missing_is_told_with_the_place_to_grant_it(office):
    office.add("alice", "--link", "wecom=zhangsan", "--link", "dingtalk=alice01")
    fault(office.wecom, kind="error", code=48002, count=-1, match="oa/")
    row = office.broken("permission", "wecom")
    assert with_cure(row, cure_of("wecom", "permission"))
    office.wecom.faults.clear()
    code = "Forbidden.AccessDenied.AccessTokenPermissionDenied"
    fault(office.dingtalk, kind="error", status=403, code=code, count=-1, match="/calendar/")
    row = office.broken("permission", "dingtalk")
    assert with_cure(row, cure_of("dingtalk", "permission"))
    assert "Calendar.Event.Read" in row["what_zh"]


def test_people_whom_the_app_cannot_see(office):
    office.add("alice", "--link", "wecom=zhangsan")
    office.add("bob", "--link", "wecom=nobody-at-all")
    _, rows = office.checks()
    row = rows["range", "wecom"]
    assert row["ok"] is False
    assert row["says"].startswith(
        "1 of 2 linked people are unknown to the app, or outside its visible range: bob"
    )
    assert with_cure(row, cure_of("wecom", "visible_range"))


def test_a_budget_that_ends_is_told_and_nothing_is_spent(office):
    office.add("alice", "--link", "dingtalk=alice01")

    def billed():
        return sum(httpx.get(f"{office.urls[1]}/_control/state").json()["calls_by_month"].values())

    used = billed()
    office.write(dingtalk="monthly_calls = 2")
    row = office.broken("budget", "dingtalk")
    assert with_cure(row, CHECKS["budget"])
    assert billed() == used >= 2


# ---- at home


def test_a_schema_that_is_older_is_told_and_left(office):
    office.add("alice")
    store = Store(load(office.path).database.url)
    with store.write() as c:
        c.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    row = office.broken("schema")
    assert with_cure(row, CHECKS["schema"])
    with store.write() as c:
        assert c.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one() == "0001"
        c.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    row = office.broken("schema")
    assert with_cure(row, CHECKS["schema_newer"])
    store.close()


def test_a_database_that_is_none(office):
    (office.folder / "queqiao.db").write_bytes(b"this is no database at all" * 100)
    row = office.broken("database")
    assert row["says"] == "SQLite does not answer (DatabaseError)"
    assert with_cure(row, CHECKS["database"])


def test_a_server_that_does_not_answer(office):
    pytest.importorskip("psycopg")
    office.write(database=f"postgresql://queqiao:hush@127.0.0.1:{free_port()}/queqiao")
    row = office.broken("database")
    assert row["says"] == "PostgreSQL does not answer (OperationalError)"


def test_a_disk_without_room(office, monkeypatch):
    monkeypatch.setattr(home, "DISK_LOW_BYTES", 1 << 62)
    assert with_cure(office.broken("disk"), CHECKS["disk"])


def test_an_address_that_another_program_holds(office):
    with socket.socket() as other:
        other.bind(("127.0.0.1", int(office.listen.rpartition(":")[2])))
        other.listen()
        row = office.broken("port")
    assert row["says"] == f"listen {office.listen} is taken by another program"
    assert with_cure(row, CHECKS["port"])


def test_a_proxy_that_does_not_lead_to_the_bridge(office, stack):
    port = stack.enter_context(web(status=200))
    office.write(server=f'public_url = "http://127.0.0.1:{port}"')
    stack.callback(office.daemon().close)
    row = office.broken("public")
    assert row["says"] == "public_url answers HTTP 200, but it is not the bridge that answers"
    assert with_cure(row, CHECKS["public"])


def test_a_proxy_that_takes_the_prefix_away(office, stack):
    port = stack.enter_context(web(status=301, headers=[("X-Request-Id", "0"), ("Location", "/dav/")]))
    office.write(server=f'public_url = "http://127.0.0.1:{port}/team"')
    stack.callback(office.daemon().close)
    assert office.broken("public")["says"] == (
        "/.well-known/caldav leads to '/dav/' instead of '/team/dav/': the prefix of public_url does not fit"
    )


CALLBACK = f'callback_token = "hook"\ncallback_aes_key = "{KEY}"'


def test_callbacks_are_called_as_the_vendor_would(office, stack):
    public = f'public_url = "http://{office.listen}"'
    office.write(server=public, wecom=CALLBACK, dingtalk=CALLBACK)
    daemon = office.daemon()
    stack.callback(daemon.close)
    status, rows = office.checks()
    assert status == 0
    for source in ("wecom", "dingtalk"):
        assert rows["callback", source]["ok"] is True, rows["callback", source]
    # The daemon goes on with the token it was started with.
    office.write(server=public, wecom=CALLBACK.replace('"hook"', '"other"'), dingtalk=CALLBACK)
    row = office.broken("callback", "wecom")
    assert row["says"] == "the callback address answers HTTP 403, and not what the vendor expects"
    assert with_cure(row, CALLBACKS["wecom"])
    office.write(server=public, wecom=CALLBACK, dingtalk=CALLBACK.replace('"hook"', '"other"'))
    assert with_cure(office.broken("callback", "dingtalk"), CALLBACKS["dingtalk"])
    office.write(wecom=CALLBACK)
    assert "the vendor has no address to call" in office.broken("callback", "wecom")["says"]


@pytest.mark.parametrize("name", [*CHECKS, *CALLBACKS])
def test_a_cure_is_one_sentence_in_each_language(name):
    cure = CHECKS.get(name) or CALLBACKS[name]
    assert not cure.what.endswith(".")
    assert any("一" <= char <= "鿿" for char in cure.what_zh)
    assert any("一" <= char <= "鿿" for char in cure.who_zh)


# ---- the report


CANARIES = {
    "user": "kanarie-user",
    "email": "kanarie@singvogel.example",
    "label": "Kanaries Telefon",
    "title": "Kanarienvogel",
    "secret": "kanarie-secret-0123456789",
    "host": "kanarie.example",
    "source": "kanarie-source",
    "path": "kanarie-folder",
    "domain": "kanarie-mail.example",
}


def test_the_report_holds_no_name_title_address_or_secret(stack, tmp_path):
    folder = tmp_path / CANARIES["path"]
    folder.mkdir()
    office = Office(stack, folder)
    secret = office.facts["agents"][0]["secret"]
    office.write(
        server=f'public_url = "http://{CANARIES["host"]}"',
        wecom=f'mail_domain = "{CANARIES["domain"]}"\ncallback_token = "{CANARIES["secret"]}"\ncallback_aes_key = "{KEY}"',
        change=lambda text: (
            text.replace('id = "wecom"', f'id = "{CANARIES["source"]}"')
            + f'\n[ui]\nadmins = ["{CANARIES["user"]}"]\n'
        ),
    )
    source = CANARIES["source"]
    made = office.run(
        "user",
        "add",
        CANARIES["user"],
        "--email",
        CANARIES["email"],
        "--link",
        f"{source}=zhangsan",
        "--link",
        "dingtalk=alice01",
        "--json",
    )
    password = json.loads(made.stdout.splitlines()[-1])["password"]
    device = json.loads(
        office.run(
            "password", "add", CANARIES["user"], "--label", CANARIES["label"], "--json"
        ).stdout.splitlines()[-1]
    )["password"]
    calendars = json.loads(office.run("calendar", "list", "--json").stdout.splitlines()[-1])
    feed = json.loads(
        office.run("feed", "add", CANARIES["user"], calendars[0]["calendar"], "--json").stdout.splitlines()[
            -1
        ]
    )
    office.run("user", "link", CANARIES["user"], f"{source}=kanarie-vendor-id")
    office.add("kanarie-other", "--link", f"{source}=kanarie-vendor-id")
    office.wecom.switches.set({"trusted_ips": "198.51.100.7"})
    with closing(Store(load(office.path).database.url)) as store, store.write() as c:
        (collection,) = c.exec_driver_sql("SELECT MIN(id) FROM collection").one()
        title = CANARIES["title"]
        c.exec_driver_sql(
            f"INSERT INTO object (collection_id, href, uid, text, etag) VALUES ({collection}, '{title}', '{title}', '{title}', '1')"
        )
        c.exec_driver_sql(
            "INSERT INTO intent (collection_id, href, uid, state, device, words, lost_text, opened_ms, closed_ms) "
            f"VALUES ({collection}, '{title}', '{title}', 'waiting', '{title}', '{title}', '{title}', 1, 0)"
        )
    report = tmp_path / "report.json"
    done = office.run("doctor", "--bundle", str(report))
    assert done.exit_code == 1
    assert CANARIES["host"] in done.stdout
    text = report.read_text(encoding="utf-8")
    hidden = [
        *CANARIES.values(), "kanarie", "singvogel", secret, KEY, password, device, feed["url"].rpartition("/")[2],
        office.facts["corp_id"], office.ding["client_id"], office.ding["client_secret"], "zhangsan", "alice01", "127.0.0.1",
        str(tmp_path), socket.gethostname(), *(row["name"] for row in calendars if row.get("name")),
    ]  # fmt: skip
    assert [word for word in hidden if word.lower() in text.lower()] == []
    told = json.loads(text)
    assert report.stat().st_mode & 0o777 == 0o600
    assert told["numbers"]["rows"]["principal"] == 2
    assert told["numbers"]["rows"]["object"] >= 1
    assert told["numbers"]["edits_waiting"] == 1
    assert told["numbers"]["rows"]["password"] >= 3
    assert told["configuration"]["source"][0]["kind"] == "wecom"
    assert told["configuration"]["source"][0]["secret"] == "set"
    assert told["configuration"]["server"]["threads"] == 16
    assert {
        "check": "address",
        "source": "source[1]",
        "ok": False,
        "cause": "address",
        "code": "60020",
        "failure": "Unauthorised",
        "seen": True,
    } in told["findings"]
    assert any(row["state"] for row in told["numbers"]["states"])


def test_a_report_is_never_written_over(office, tmp_path):
    report = tmp_path / "report.json"
    report.write_text("mine")
    done = office.run("doctor", "--bundle", str(report))
    assert done.exit_code == 2
    assert "--bundle" in done.stderr
    assert report.read_text() == "mine"
