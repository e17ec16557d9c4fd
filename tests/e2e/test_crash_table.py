"""A real daemon killed at each named step of each operation: afterwards exactly what was meant, once, with one receipt."""

from __future__ import annotations

import contextlib
import datetime as dt
import sqlite3

import httpx
import pytest
from harness import Client, event, run_bridge, until

from bridge.config_load import load
from bridge.daemon.compose import open_admin
from bridge.engine.points import VARIABLE, Point

VENDORS = ["wecom", "dingtalk"]
START = (dt.datetime.now(dt.UTC) + dt.timedelta(days=20)).replace(hour=2, minute=0, second=0)


def stamp(days, hours=0):
    return (START + dt.timedelta(days=days, hours=hours)).strftime("%Y%m%dT%H%M%S")


def one(uid, *lines, title="Planning", days=0):
    return event(uid, start=stamp(days), end=stamp(days, 1), summary=title, lines=lines)


def series(uid, *lines):
    return one(uid, "RRULE:FREQ=DAILY;COUNT=5", *lines)


def with_override(uid):
    text = series(uid)
    moved = [
        "BEGIN:VEVENT",
        f"UID:{uid}",
        "DTSTAMP:20261101T000000Z",
        f"RECURRENCE-ID;TZID=Asia/Shanghai:{stamp(2)}",
        f"DTSTART;TZID=Asia/Shanghai:{stamp(2, 3)}",
        f"DTEND;TZID=Asia/Shanghai:{stamp(2, 4)}",
        "SUMMARY:Planning",
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ]
    return text.replace("END:VCALENDAR\r\n", "\r\n".join(moved))


def scattered(uid):
    return one(uid, "RDATE;TZID=Asia/Shanghai:" + ",".join(stamp(n, n % 3) for n in (2, 7, 11)))


OPERATIONS = {
    # name: (text before, text after; None: deleted, how many occurrences the vendor shows in the end)
    "create": (None, one, 1),
    "update": (one, lambda uid: one(uid, title="Planning again"), 1),
    "delete": (one, None, 0),
    "split": (series, with_override, 5),
    "drop": (series, lambda uid: series(uid, f"EXDATE;TZID=Asia/Shanghai:{stamp(3)}"), 4),
    "several items": (None, scattered, 4),
    "delete several items": (scattered, None, 0),
}
POINTS = [point for point in Point if point is not Point.HALF_MOVED]
QUICK = {"create", "several items"}
CASES = [
    pytest.param(
        kind, name, point, id=f"{kind}-{name}-{point}", marks=() if name in QUICK else pytest.mark.slow
    )
    for kind in VENDORS
    for name in OPERATIONS
    for point in POINTS
]


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    """Both vendors and one daemon's folder for all cases: every case has an event of its own."""
    with contextlib.ExitStack() as stack:
        from harness import boxes

        vendors = boxes(stack)
        bridge, clients = run_bridge(stack, vendors, tmp_path_factory.mktemp("crash"), write_wait_s=1.0)
        yield bridge, clients["alice"], dict(zip(VENDORS, vendors, strict=True))


def shown(box, kind, name, uid):
    """Return how many occurrences the vendor shows of items whose place is ``uid``."""
    state = box.control("state")
    low, high = START - dt.timedelta(days=2), START + dt.timedelta(days=40)
    if kind == "wecom":
        ids = [
            key
            for key, item in state["schedules"].items()
            if item["status"] == 0 and item["content"]["location"] == uid
        ]
        window = {"from": int(low.timestamp()), "to": int(high.timestamp())}
        return sum(len(box.act("occurrences", userid="zhangsan", schedule_id=key, **window)) for key in ids)
    window = {"from": low.isoformat(), "to": high.isoformat()}
    found = box.act("occurrences", **{"as": "alice01", **window})["occurrences"]
    places = {e["key"]: e for e in state["events"]}
    return sum(1 for o in found if _place(o, places) == uid)


def _place(occurrence, places):
    event_ = (
        occurrence.get("event")
        or places.get(occurrence.get("key") or occurrence.get("eventId"))
        or occurrence
    )
    return str(event_.get("location") or occurrence.get("location") or "")


@pytest.mark.parametrize(("kind", "name", "point"), CASES)
def test_killed_anywhere_the_edit_is_done_once(office, kind, name, point):
    bridge, alice, vendors = office
    before, after, count = OPERATIONS[name]
    uid = f"{kind}-{name}-{point}".replace(" ", "-")
    if bridge.process.poll() is not None:  # an earlier case failed half-way
        bridge.env = {}
        bridge.start()
    alice.base = bridge.url
    home = next(p for p in alice.calendars() if p.rstrip("/").rsplit("/", 1)[-1].startswith(kind))
    path = f"{home}{uid}.ics"
    put = lambda text: text.replace("SUMMARY:", f"LOCATION:{uid}\r\nSUMMARY:")  # noqa: E731
    if before is not None:
        assert alice.put(path, put(before(uid))).status_code == 201
        until(lambda: settled(bridge, uid))
    receipts = len(story(bridge, uid))
    bridge.stop()
    bridge.env = {VARIABLE: point}
    bridge.start()
    client = Client(bridge.url, "alice", alice.password)
    with contextlib.suppress(httpx.TransportError):
        if after is None:
            client.delete(path)
        else:
            client.put(path, put(after(uid)))
    client.close()
    assert bridge.process.wait(20) == -9, "it did not die there"
    bridge.process.stdout.close()
    bridge.env = {}
    bridge.start()
    alice.base = bridge.url
    until(lambda: settled(bridge, uid), 30)
    answer = alice.get(path)
    if after is None:
        assert answer.status_code == 404
    else:
        assert answer.text == put(after(uid))
    rows = story(bridge, uid)
    assert len(rows) == receipts + 1
    assert {row["state"] for row in rows} == {"applied"}
    assert shown(vendors[kind], kind, name, uid) == count
    look_at_everything(bridge)
    assert alice.get(path).status_code == (404 if after is None else 200)
    assert len([h for h in alice.sync(home)[1] if uid in h]) == (0 if after is None else 1)


def story(bridge, uid):
    """Read the journal where it lies: a command of its own for each look would be most of the test."""
    with contextlib.closing(sqlite3.connect(bridge.folder / "queqiao.db")) as raw:
        raw.row_factory = sqlite3.Row
        return raw.execute(
            "SELECT state, action, lost_text FROM intent WHERE uid = ? ORDER BY id", (uid,)
        ).fetchall()


def settled(bridge, uid):
    return all(row["state"] not in ("waiting", "in_flight") for row in story(bridge, uid))


def look_at_everything(bridge):
    with open_admin(load(bridge.path)) as admin:
        assert all(row["ok"] for row in admin.sync("alice", full=True))
