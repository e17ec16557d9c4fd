"""What people do in the vendor's own app, and what that app shows them: the truth a mirror is held against."""

from __future__ import annotations

import datetime as dt

from benchmarks.virtual import BASE_URL, VendorClock
from bridge.config import DingTalkSource, WeComSource
from bridge.simulator import dingtalk, wecom
from bridge.simulator.records import ControlError

CHINA = dt.timezone(dt.timedelta(hours=8))


class Declined(Exception):
    """The app would not let them."""


class Office:
    """One vendor with two people that are linked."""

    def __init__(self, box):
        self.box = box

    def control(self, verb, **arguments):
        with self.box.lock:
            return self.box.control(verb, arguments)

    def act(self, do, **arguments):
        try:
            return self.control("act", do=do, **arguments)
        except ControlError as error:
            raise Declined(str(error)) from None


class WeComOffice(Office):
    """WeCom: the bridge makes one calendar for each person, and people work in that."""

    source = "wecom"
    people = {"alice": "zhangsan", "bob": "lisi"}
    mails = {"alice": "zhangsan@corp.example.com", "bob": "lisi@corp.example.com"}
    fault_paths = ("schedule/add", "schedule/update", "schedule/del", "schedule/get", "gettoken", "oa/")

    def __init__(self, clock):
        super().__init__(wecom.build(clock=VendorClock(clock), switches={"users_may_add": True}))

    def config(self):
        return WeComSource(
            id="wecom", base_url=BASE_URL, corp_id=wecom.CORP_ID, agent_id=wecom.AGENT_ID, secret=wecom.SECRET
        )

    secrets = (wecom.SECRET,)

    def _schedules(self, calendar):
        corp = self.box.office.corp
        return [s for s in corp.schedules.values() if s.status == 0 and s.cal_id == calendar]

    def create(self, user, calendar, title, start, minutes):
        begin = int(start.timestamp())
        schedule = {"summary": title, "start_time": begin, "end_time": begin + 60 * minutes}
        self.act("create", userid=self.people[user], cal_id=calendar, schedule=schedule)

    def items(self, user, calendar):
        return [(s.content.summary, s.schedule_id) for s in self._schedules(calendar)]

    def rename(self, user, item, title):
        self.act("edit", userid=self.people[user], schedule_id=item, fields={"summary": title}, force=True)

    def shift(self, user, item, minutes):
        content = self.box.office.corp.schedules[item].content
        times = {"start_time": content.start + 60 * minutes, "end_time": content.end + 60 * minutes}
        self.act("edit", userid=self.people[user], schedule_id=item, fields=times, force=True)

    def remove(self, user, item):
        self.act("delete", userid=self.people[user], schedule_id=item, force=True)

    def answer(self, user, item, how):
        self.act("respond", userid=self.people[user], schedule_id=item, answer=how)

    def shown(self, user, calendar, low, high):
        rows = self.act("calendar_occurrences", cal_id=calendar, **{"from": int(low), "to": int(high)})
        return sorted((r["summary"], r["start"], r["end"]) for r in rows)

    def lose_tokens(self):
        self.act("revoke_token")

    def lose_cursors(self):
        """WeCom gives none."""

    def is_write(self, call):
        return any(f"schedule/{word}" in call.endpoint for word in ("add", "update", "del"))

    def billed(self):
        return {}


class DingTalkOffice(Office):
    """DingTalk: everybody's own primary calendar."""

    source = "dingtalk"
    people = {"alice": "alice01", "bob": "bob02"}
    mails = {"alice": "alice@corp.example", "bob": "bob@corp.example"}
    fault_paths = ("/events", "/eventsview", "oauth2/accessToken", "/calendars", "")

    def __init__(self, clock):
        super().__init__(dingtalk.build(clock=VendorClock(clock), switches={"monthly_calls": 1_000_000}))
        self.secrets = (self.box.facts()["client_secret"],)

    def config(self):
        facts = self.box.facts()
        return DingTalkSource(
            id="dingtalk",
            base_url=BASE_URL,
            oapi_base_url=BASE_URL,
            client_id=facts["client_id"],
            client_secret=facts["client_secret"],
            corp_id=facts["corp_id"],
            monthly_calls=1_000_000,
        )

    def create(self, user, calendar, title, start, minutes):
        end = start + dt.timedelta(minutes=minutes)
        event = {
            "summary": title,
            "start": {"dateTime": start.isoformat(), "timeZone": "Asia/Shanghai"},
            "end": {"dateTime": end.isoformat(), "timeZone": "Asia/Shanghai"},
        }
        self.act("create", **{"as": self.people[user]}, event=event)

    def items(self, user, calendar):
        me = next(p["unionId"] for p in self.box.facts()["people"] if p["userid"] == self.people[user])
        events = self.box.store.events.values()
        return [(e.details.summary, e.key) for e in events if not e.cancelled and e.organizer == me]

    def rename(self, user, item, title):
        self.act("edit", **{"as": self.people[user]}, eventId=item, event={"summary": title})

    def shift(self, user, item, minutes):
        self.act("move", **{"as": self.people[user]}, eventId=item, minutes=minutes)

    def remove(self, user, item):
        self.act("delete", **{"as": self.people[user]}, eventId=item)

    def answer(self, user, item, how):
        words = {"accept": "accepted", "decline": "declined", "tentative": "tentative"}
        self.act("respond", **{"as": self.people[user]}, eventId=item, response=words[how])

    def shown(self, user, calendar, low, high):
        span = {
            "from": dt.datetime.fromtimestamp(low, dt.UTC).isoformat(),
            "to": dt.datetime.fromtimestamp(high, dt.UTC).isoformat(),
        }
        found = self.act("occurrences", **{"as": self.people[user]}, **span)["occurrences"]
        return sorted((r["summary"], _second(r["start"]), _second(r["end"])) for r in found)

    def lose_tokens(self):
        self.act("revoke_token")

    def lose_cursors(self):
        self.act("expire_sync_tokens")

    def is_write(self, call):
        return call.endpoint.startswith(("Create", "Patch", "Delete", "Respond", "Add", "Remove"))

    def billed(self):
        return dict(self.box.quota.months)


def _second(moment):
    if isinstance(moment, dict):
        moment = moment.get("dateTime") or moment["date"]
    if "T" not in moment:
        return int(dt.datetime.combine(dt.date.fromisoformat(moment), dt.time(), CHINA).timestamp())
    return int(dt.datetime.fromisoformat(moment).timestamp())


OFFICES = {"wecom": WeComOffice, "dingtalk": DingTalkOffice}
