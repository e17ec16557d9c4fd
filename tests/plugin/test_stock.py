"""An unmodified Radicale, started as its users start it, with our plugins in its configuration."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from davkit import Dav, calendar, event, tag, times, vevent
from radicale import config

import radicale_plugin
from radicale_plugin.storage import service_of

HERE = Path(__file__).parent
WORK = "/alice/work/"

CONFIG = """
[server]
hosts = 127.0.0.1:{port}
delay_on_error = 0
[auth]
type = stock_fake
delay = 0
[rights]
type = stock_fake
[storage]
type = stock_fake
queqiao_config = /nowhere/config.toml
[web]
type = none
[logging]
level = warning
"""


@pytest.fixture(scope="module")
def stock(tmp_path_factory):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    file = tmp_path_factory.mktemp("stock") / "config"
    file.write_text(CONFIG.format(port=port))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parent.parent)])}
    environment.pop("TEMP", None)
    log = (file.parent / "log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "radicale", "--config", str(file)], env=environment, stdout=log, stderr=log
    )
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, (file.parent / "log").read_text()
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(10)
        log.close()


@pytest.fixture
def dav(stock):
    made = Dav(stock)
    yield made
    made.close()


@pytest.fixture
def reader(stock):
    made = Dav(stock, "alice", "ro-pw")
    yield made
    made.close()


def test_a_client_finds_home_and_calendars(dav):
    answer = dav.propfind("/", "D:current-user-principal")
    assert answer.parts["/"].hrefs("D:current-user-principal") == ["/alice/"]
    parts = dav.propfind("/alice/", "D:displayname", "D:current-user-privilege-set", depth="1").parts
    assert set(parts) == {"/alice/", "/alice/work/", "/alice/second/", "/alice/team/"}
    assert parts[WORK].text("D:displayname") == "Work"
    assert (
        parts["/alice/team/"].found[tag("D:current-user-privilege-set")].find(f".//{tag('D:write')}") is None
    )


def test_an_object_is_put_listed_synced_moved_and_deleted(dav):
    assert dav.put(WORK + "a.ics", event("a", "SUMMARY:茶")).status == 201
    got = dav("GET", WORK + "a.ics")
    assert "SUMMARY:茶" in got.body.decode()
    first = dav.sync(WORK)
    assert first.parts[WORK + "a.ics"].text("D:getetag") == got.headers["ETag"]
    assert dav.put(WORK + "a.ics", event("a", "SUMMARY:x"), If_Match='"wrong"').status == 412
    assert dav.put(WORK + "a.ics", event("a", "SUMMARY:x"), If_Match=got.headers["ETag"]).status in (201, 204)
    assert dav.put(WORK + "b.ics", event("a")).status == 409
    assert set(dav.sync(WORK, first.token).parts) == {WORK + "a.ics"}
    multi = dav.multiget(WORK, WORK + "a.ics", WORK + "none.ics").parts
    assert "SUMMARY:x" in multi[WORK + "a.ics"].text("C:calendar-data")
    assert multi[WORK + "none.ics"].status == 404
    assert dav("MOVE", WORK + "a.ics", Destination="/alice/second/b.ics").status == 201
    assert dav("DELETE", "/alice/second/b.ics").status == 200
    assert dav.sync(WORK, first.token).parts[WORK + "a.ics"].status == 404
    assert dav.sync(WORK, "nonsense").status == 403


def test_queries_and_expand_work_and_an_object_of_overrides_does_no_harm(dav):
    series = event("q", "RRULE:FREQ=DAILY;COUNT=5")
    only = calendar(["UID:o", "DTSTAMP:20260101T000000Z", "RECURRENCE-ID:20260602T050000Z", "DTSTART:20260602T060000Z",
                     "DTEND:20260602T070000Z"])  # fmt: skip
    assert dav.put(WORK + "q.ics", series).status == 201
    assert dav.put(WORK + "o.ics", only).status == 201
    week = vevent(times("20260601T000000Z", "20260608T000000Z"))
    assert set(dav.query(WORK, week).parts) == {WORK + "q.ics", WORK + "o.ics"}
    assert set(dav.query(WORK, vevent(times("20260605T000000Z", "20260606T000000Z"))).parts) == {
        WORK + "q.ics"
    }
    data = '<C:calendar-data><C:expand start="20260601T000000Z" end="20260608T000000Z"/></C:calendar-data>'
    answer = dav.query(WORK, week, data)
    assert answer.status == 207
    assert answer.parts[WORK + "q.ics"].text("C:calendar-data").count("BEGIN:VEVENT") == 5
    busy = dav.report(WORK, "C:free-busy-query", times("20260602T000000Z", "20260603T000000Z"))
    assert b"FREEBUSY" in busy.body
    for name in "qo":
        dav("DELETE", f"{WORK}{name}.ics")


def test_what_must_not_be_is_refused(dav, reader, stock):
    assert dav.put("/alice/team/a.ics", event("t")).status == 403
    assert reader.put(WORK + "r.ics", event("r")).status == 403
    assert reader.propfind(WORK, "D:displayname").status == 207
    assert dav.put(WORK, event("w")).status == 403
    assert dav("DELETE", WORK).status == 403
    assert dav.propfind(WORK, "D:displayname").status == 207
    assert dav("GET", "/bob/home/").status == 403
    assert dav.propfind("/bob/", "D:displayname").status == 403
    wrong = Dav(stock, "alice", "wrong")
    assert wrong.propfind("/alice/", "D:displayname").status == 401
    wrong.close()
    assert dav.put(WORK + "todo.ics", event("t").replace("VEVENT", "VTODO")).status in (400, 403)


def test_properties_are_kept_and_a_calendar_stays_one(dav):
    body = "<D:set><D:prop><ICAL:calendar-color>#112233</ICAL:calendar-color></D:prop></D:set>"
    assert dav.proppatch(WORK, body).status == 207
    dav.proppatch(WORK, "<D:remove><D:prop><D:resourcetype/></D:prop></D:remove>")
    part = dav.propfind(WORK, "ICAL:calendar-color", "D:resourcetype").parts[WORK]
    assert part.text("ICAL:calendar-color") == "#112233"
    assert part.found[tag("D:resourcetype")].find(tag("C:calendar")) is not None


def test_a_calendar_can_be_made_and_read_whole(dav):
    assert dav("MKCALENDAR", "/alice/made/").status == 201
    assert dav.put("/alice/made/a.ics", event("m")).status == 201
    answer = dav("GET", "/alice/made/")
    assert b"UID:m" in answer.body


def test_the_plugins_are_found_under_the_name_of_the_package():
    for name in ("Storage", "Auth", "Rights"):
        assert getattr(radicale_plugin, name).__module__.startswith("radicale_plugin.")


def test_a_configuration_without_our_file_says_what_to_do(monkeypatch):
    monkeypatch.delenv("QUEQIAO_CONFIG", raising=False)
    with pytest.raises(RuntimeError, match="queqiao_config"):
        service_of(config.load(()))


def test_the_file_that_is_named_is_opened_once(monkeypatch):
    opened = []
    compose = type(sys)("bridge.daemon.compose")
    compose.open_service = lambda path: opened.append(path) or object()
    import bridge.daemon

    monkeypatch.setitem(sys.modules, "bridge.daemon.compose", compose)
    monkeypatch.setattr(bridge.daemon, "compose", compose, raising=False)
    made = config.load(())
    made.update({"storage": {"type": "radicale_plugin", "queqiao_config": "/etc/one.toml"}}, "test")
    assert service_of(made) is service_of(made)
    assert opened == ["/etc/one.toml"]
    monkeypatch.setenv("QUEQIAO_CONFIG", "/etc/two.toml")
    assert service_of(config.load(())) is not service_of(made)
    assert opened == ["/etc/one.toml", "/etc/two.toml"]
