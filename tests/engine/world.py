"""The real engine on a real database between a test and both vendors in a box, over real HTTP."""

from __future__ import annotations

import datetime as dt
import json
import time
from contextlib import ExitStack
from zoneinfo import ZoneInfo

from bridge.config import Config, Database, DingTalkSource, Sync, WeComSource
from bridge.daemon.compose import compose
from bridge.engine.api import Login
from bridge.simulator import dingtalk, wecom
from bridge.simulator.faults import fault_from_json
from bridge.simulator.http import serve

CHINA = ZoneInfo("Asia/Shanghai")
WRITE_WAIT_S = 2.0


def day(offset: int, hour: int = 10, minute: int = 0) -> dt.datetime:
    """Return a time in China some days from the next Monday but one: the future, whenever the tests run."""
    today = dt.datetime.now(CHINA).date()
    monday = today + dt.timedelta(days=14 - today.weekday())
    return dt.datetime.combine(monday + dt.timedelta(days=offset), dt.time(hour, minute), CHINA)


def stamp(moment: dt.date | dt.datetime) -> str:
    return moment.strftime("%Y%m%dT%H%M%S") if isinstance(moment, dt.datetime) else moment.strftime("%Y%m%d")


def vevent(uid, start, end, *lines, summary="Planning", zone="Asia/Shanghai"):
    kind = f";TZID={zone}" if isinstance(start, dt.datetime) else ";VALUE=DATE"
    return [
        "BEGIN:VEVENT",
        f"UID:{uid}",
        "DTSTAMP:20261101T000000Z",
        f"DTSTART{kind}:{stamp(start)}",
        f"DTEND{kind}:{stamp(end)}",
        f"SUMMARY:{summary}",
        *lines,
        "END:VEVENT",
    ]


def ics(*components) -> str:
    lines = [line for component in components for line in component]
    return "\r\n".join(
        ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Test//Client//EN", *lines, "END:VCALENDAR", ""]
    )


class WeComSide:
    """WeCom's own truth about one user."""

    source = "wecom"
    me = "zhangsan"

    def __init__(self, stack, switches=None):
        self.box = wecom.build(switches=switches)
        self.server = serve(self.box, "127.0.0.1", 0)
        stack.callback(self.server.close)
        self.calls = self.box.calls

    def config(self):
        return WeComSource(
            id="wecom",
            legacy_organizer=self.box.switches["organizer_sent"] == "required",
            base_url=self.server.url,
            corp_id=wecom.CORP_ID,
            agent_id=wecom.AGENT_ID,
            secret=wecom.SECRET,
        )

    def items(self):
        corp = self.box.control("state", {})
        return [s for s in corp["schedules"].values() if s["status"] == 0]

    def titles(self):
        return sorted(s["content"]["summary"] for s in self.items())

    def occurrences(self, start, end):
        found = []
        for item in self.items():
            found += self.act(
                "occurrences",
                schedule_id=item["schedule_id"],
                **{"from": int(start.timestamp()), "to": int(end.timestamp())},
            )
        return sorted(tuple(pair) for pair in found)

    def act(self, do, **arguments):
        return self.box.control("act", {"do": do, "userid": self.me, **arguments})

    def rename(self, item, title):
        self.act("edit", schedule_id=item["schedule_id"], fields={"summary": title})

    def shift(self, item, seconds):
        content = item["content"]
        self.act(
            "edit",
            schedule_id=item["schedule_id"],
            fields={"start_time": content["start"] + seconds, "end_time": content["end"] + seconds},
        )

    def remove(self, item):
        self.act("delete", schedule_id=item["schedule_id"])

    def drop_occurrence(self, item, moment):
        self.act("delete", schedule_id=item["schedule_id"], op_mode=1, op_start_time=int(moment.timestamp()))

    def is_write(self, call):
        return call["method"] == "POST" and any(w in call["endpoint"] for w in ("add", "update", "del"))

    def kill_token(self):
        self.act("revoke_token")

    create_endpoint = "schedule/add"
    write_match = "schedule/"
    delete_match = "schedule/del"
    delete_method = "POST"
    second_step = "schedule/del"
    refusal = {"kind": "error", "code": "40058", "match": "schedule/", "count": -1, "when": "before"}


class DingTalkSide:
    """DingTalk's own truth about one user."""

    source = "dingtalk"
    me = "alice01"

    def __init__(self, stack, switches=None):
        self.box = dingtalk.build(switches=switches)
        self.server = serve(self.box, "127.0.0.1", 0)
        stack.callback(self.server.close)
        self.calls = self.box.calls

    def config(self):
        facts = self.box.facts()
        return DingTalkSource(
            id="dingtalk",
            base_url=self.server.url,
            oapi_base_url=self.server.url,
            client_id=facts["client_id"],
            client_secret=facts["client_secret"],
            corp_id=facts["corp_id"],
        )

    def act(self, do, **arguments):
        return self.box.control("act", {"do": do, "as": self.me, **arguments})

    def items(self):
        found = []
        for event in self.box.control("state", {})["events"]:
            if not event["cancelled"]:
                shown = self.act("show", eventId=event["key"])["event"]
                found.append({**shown, "eventId": event["key"], "summary": event["summary"]})
        return found

    def titles(self):
        return sorted(i["summary"] for i in self.items())

    def occurrences(self, start, end):
        found = self.act("occurrences", **{"from": start.isoformat(), "to": end.isoformat()})["occurrences"]
        return sorted((_second(o["start"]), _second(o["end"])) for o in found)

    def rename(self, item, title):
        self.act("edit", eventId=item["eventId"], event={"summary": title})

    def shift(self, item, seconds):
        self.act("move", eventId=item["eventId"], minutes=seconds // 60)

    def remove(self, item):
        self.act("delete", eventId=item["eventId"])

    def drop_occurrence(self, item, moment):
        self.act("delete", eventId=item["eventId"], origin=int(moment.timestamp()), scope="one")

    def is_write(self, call):
        return call["endpoint"].startswith(("Create", "Patch", "Delete", "Respond", "Add", "Remove"))

    def kill_token(self):
        self.box.control("act", {"do": "revoke_token"})

    create_endpoint = "/events"
    write_match = "/events"
    delete_match = "/events"
    delete_method = "DELETE"
    second_step = "/events/"
    refusal = {
        "kind": "error",
        "code": "invalidParameter",
        "status": 400,
        "match": "/events",
        "count": -1,
        "when": "before",
    }


def _second(moment):
    if "T" not in moment:
        return int(dt.datetime.combine(dt.date.fromisoformat(moment), dt.time(), CHINA).timestamp())
    return int(dt.datetime.fromisoformat(moment).timestamp())


class World:
    def __init__(self, side_class, folder, *, switches=None, **sync):
        self.stack = ExitStack()
        self.side = side_class(self.stack, switches)
        self.config = Config(
            database=Database(url=f"sqlite:///{folder}/queqiao.db"),
            sync=Sync(write_wait_s=WRITE_WAIT_S, **sync),
            source=(self.side.config(),),
        )
        self.parts = None
        self.open()
        self.parts.admin.user_add(
            "alice", email="alice@example.com", links=[(self.side.source, self.side.me)]
        )
        (link,) = self.parts.admin.connect_links("alice", patience_s=20)
        assert link["state"] == "connected", link
        self.login = Login(user="alice", device="test")
        self.side.calls.clear()

    def open(self):
        self.parts = compose(self.config)

    def reopen(self):
        self.parts.close()
        self.open()

    def close(self):
        self.parts.close()
        self.stack.close()

    @property
    def service(self):
        return self.parts.service

    @property
    def collection(self):
        return self.service.collections("alice")[0]

    def put(self, href, text, **conditions):
        return self.service.put(self.collection.id, href, text.encode(), self.login, **conditions)

    def delete(self, href):
        self.service.delete(self.collection.id, href, self.login)

    def text(self, href):
        found = self.service.get(self.collection.id, href)
        return None if found is None else found.text

    def sync(self, *, full=False):
        (row,) = self.parts.admin.sync("alice", full=full)
        assert row["ok"], row
        return row

    def writes(self):
        return [c for c in self.all_calls() if self.side.is_write(c)]

    def all_calls(self):
        return self.side.calls.as_json()["calls"]

    def fault(self, **fault):
        self.side.box.faults.add(fault_from_json(fault))

    def carry(self, seconds=20):
        """Carry what waits, as the ticker would once its time has come; returns when nothing is open any more."""
        from bridge.engine.carry import carry
        from bridge.store import intents

        engine = self.parts.engine
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with engine.store.read() as c:
                if not intents.waiting(c):
                    return
                due = intents.due(c, now_ms=engine.clock.now_ms() + 10**9, count=50)
            for intent in due:
                carry(engine, intent.id)
            time.sleep(0.02)
        raise AssertionError("an edit does not come to its end")

    def rest(self, seconds=20):
        """Wait until no edit is inside a call any more: a short throttle is waited out there."""
        import sqlalchemy as sa

        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with self.parts.engine.store.read() as c:
                if not c.execute(sa.text("SELECT COUNT(*) FROM intent WHERE state = 'in_flight'")).scalar():
                    return
            time.sleep(0.05)
        raise AssertionError("an edit never comes out of its call")

    def receipts(self):
        return self.parts.admin.changes("alice", 0)

    def dump(self):
        """Return everything in the database that a client could see."""
        import sqlalchemy as sa

        found = {}
        with self.parts.engine.store.read() as c:
            for table in ("object", "tombstone", "collection", "item", "intent"):
                rows = c.execute(sa.text(f"SELECT * FROM {table} ORDER BY 1, 2")).mappings()
                found[table] = json.dumps([dict(r) for r in rows], sort_keys=True)
        return found
