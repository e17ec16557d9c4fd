"""What people do in the vendor's own app, and what that app shows them: the truth a mirror is held against."""

from __future__ import annotations

import datetime as dt

from pushes import to_stream, to_wecom_hook

from benchmarks.virtual import BASE_URL, VendorClock
from bridge.config import DingTalkSource, WeComSource
from bridge.engine.api import Login
from bridge.simulator import dingtalk, wecom
from bridge.simulator.records import ControlError
from bridge.simulator.wecom.state import Callback

CALLBACK_TOKEN = "callbacktoken"
AES_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"

MONTHLY_CALLS = 1_000_000
"""What the bridge may spend; the vendor would allow twice as much, so that overdrawing shows."""
CHINA = dt.timezone(dt.timedelta(hours=8))


class Declined(Exception):
    """The app would not let them."""


class Office:
    """One vendor with two people that are linked."""

    def __init__(self, box):
        self.box = box
        self.notices = []
        """What people were told because of a call of ours."""
        self.pushes = []
        """What the vendor wants to tell us and has not yet."""

    def begin(self):
        """Forget what setting up has caused."""
        self.box.calls.clear()
        self.box.notices.clear()
        self.pushes.clear()

    def make_more(self, service, user):
        """Give a person further calendars."""

    def host_of(self, user, _calendar):
        """Return who works in a calendar in the app."""
        return user

    def new_calls(self):
        """Return the calls since the last time somebody asked."""
        calls = list(self.box.calls._calls)
        self.box.calls.clear()
        return calls

    def heard(self):
        """Return what people have been told because of our calls."""
        self.notices += self.box.notices.as_json()
        self.box.notices.clear()
        return self.notices

    def control(self, verb, **arguments):
        with self.box.lock:
            return self.box.control(verb, arguments)

    def act(self, do, **arguments):
        self.heard()
        try:
            return self.control("act", do=do, **arguments)
        except ControlError as error:
            raise Declined(str(error)) from None
        finally:
            self.box.notices.clear()  # not because of us


class WeComOffice(Office):
    """WeCom: the bridge makes one calendar for each person, and people work in that."""

    source = "wecom"
    people = ("alice", "bob")
    ids = {"alice": "zhangsan", "bob": "lisi"}
    mails = {"alice": "zhangsan@corp.example.com", "bob": "lisi@corp.example.com"}
    fault_paths = ("schedule/add", "schedule/update", "schedule/del", "schedule/get", "gettoken", "oa/")

    def __init__(self, clock):
        super().__init__(wecom.build(clock=VendorClock(clock), switches={"users_may_add": True}))
        corp = self.box.office.corp
        corp.agents[wecom.AGENT_ID].callback = Callback(url="", token=CALLBACK_TOKEN, aes_key=AES_KEY)
        self.box.office.sender._put = self.pushes.append

    def config(self):
        return WeComSource(
            id="wecom",
            base_url=BASE_URL,
            corp_id=wecom.CORP_ID,
            agent_id=wecom.AGENT_ID,
            secret=wecom.SECRET,
            callback_token=CALLBACK_TOKEN,
            callback_aes_key=AES_KEY,
        )

    secrets = (wecom.SECRET, CALLBACK_TOKEN, AES_KEY)

    def make_more(self, service, user):
        """Let a client make a second calendar."""
        service.make_calendar(user, f"wecom-{user}-2", {}, Login(user=user, device="setup"))

    def hand_over(self, node, job, number):
        return to_wecom_hook(node, job, number, corp_id=wecom.CORP_ID, now_s=self.box.clock.now())

    def _schedules(self, calendar):
        corp = self.box.office.corp
        return [s for s in corp.schedules.values() if s.status == 0 and s.cal_id == calendar]

    def create(self, user, calendar, title, start, minutes):
        begin = int(start.timestamp())
        schedule = {"summary": title, "start_time": begin, "end_time": begin + 60 * minutes}
        self.act("create", userid=self.ids[user], cal_id=calendar, schedule=schedule)

    def items(self, user, calendar):
        return [(s.content.summary, s.schedule_id) for s in self._schedules(calendar)]

    def rename(self, user, item, title):
        self.act("edit", userid=self.ids[user], schedule_id=item, fields={"summary": title}, force=True)

    def shift(self, user, item, minutes):
        content = self.box.office.corp.schedules[item].content
        times = {"start_time": content.start + 60 * minutes, "end_time": content.end + 60 * minutes}
        self.act("edit", userid=self.ids[user], schedule_id=item, fields=times, force=True)

    def remove(self, user, item):
        self.act("delete", userid=self.ids[user], schedule_id=item, force=True)

    def starts(self, user, item):
        """Return when a series happens, as Unix seconds."""
        span = {"from": 0, "to": 2**32}
        return [start for start, _ in self.act("occurrences", schedule_id=item, **span)]

    def rename_one(self, user, item, start, title):
        self.act(
            "edit",
            userid=self.ids[user],
            schedule_id=item,
            fields={"summary": title},
            op_mode=1,
            op_start_time=start,
            force=True,
        )

    def remove_one(self, user, item, start):
        self.act(
            "delete", userid=self.ids[user], schedule_id=item, op_mode=1, op_start_time=start, force=True
        )

    def answer(self, user, item, how):
        self.act("respond", userid=self.ids[user], schedule_id=item, answer=how)

    def shown(self, user, calendar, low, high):
        rows = self.act("calendar_occurrences", cal_id=calendar, **{"from": int(low), "to": int(high)})
        return sorted((r["summary"], r["start"], r["end"]) for r in rows)

    def lose_tokens(self):
        self.act("revoke_token")

    def lose_cursors(self):
        """WeCom gives none."""

    def is_write(self, call):
        return any(f"schedule/{word}" in call.endpoint for word in ("add", "update", "del"))

    throttle_codes = ("45009", "45033")
    """Codes by which WeCom says that a rate or a quota is used up (reference 13)."""
    monthly_calls = 0

    def billed(self):
        return {}

    def kind_of(self, notice):
        """Return what somebody was told: ``change`` or ``delete``."""
        return {"schedule_add": "change", "schedule_update": "change", "schedule_del": "delete"}.get(
            notice["kind"]
        )


class DingTalkOffice(Office):
    """DingTalk: everybody's own primary calendar; Carol, who has no link, lets Alice write in hers."""

    source = "dingtalk"
    people = ("alice", "bob")
    ids = {"alice": "alice01", "bob": "bob02", "carol": "carol03"}
    mails = {"alice": "alice@corp.example", "bob": "bob@corp.example"}
    fault_paths = ("/events", "/eventsview", "oauth2/accessToken", "/calendars", "")

    def __init__(self, clock):
        super().__init__(
            dingtalk.build(clock=VendorClock(clock), switches={"monthly_calls": 2 * MONTHLY_CALLS})
        )
        self.secrets = (self.box.facts()["client_secret"],)
        self.act("share", **{"as": self.ids["carol"]}, **{"with": self.ids["alice"]}, privilege="writer")
        self.pushes = self.box.pusher._queue

    def host_of(self, user, calendar):
        return user if calendar == "primary" else "carol"

    def hand_over(self, node, due, number):
        frame = self.box.stream._frame(due.push, f"{due.push.event_id}_{number}")
        return to_stream(node, frame, corp_id=self.box.facts()["corp_id"])

    def config(self):
        facts = self.box.facts()
        return DingTalkSource(
            id="dingtalk",
            base_url=BASE_URL,
            oapi_base_url=BASE_URL,
            client_id=facts["client_id"],
            client_secret=facts["client_secret"],
            corp_id=facts["corp_id"],
            push="stream",
            monthly_calls=MONTHLY_CALLS,
        )

    def create(self, user, calendar, title, start, minutes):
        end = start + dt.timedelta(minutes=minutes)
        event = {
            "summary": title,
            "start": {"dateTime": start.isoformat(), "timeZone": "Asia/Shanghai"},
            "end": {"dateTime": end.isoformat(), "timeZone": "Asia/Shanghai"},
        }
        self.act("create", **{"as": self.ids[user]}, event=event)

    def items(self, user, calendar):
        me = next(p["unionId"] for p in self.box.facts()["people"] if p["userid"] == self.ids[user])
        events = self.box.store.events.values()
        return [(e.details.summary, e.key) for e in events if not e.cancelled and e.organizer == me]

    def rename(self, user, item, title):
        self.act("edit", **{"as": self.ids[user]}, eventId=item, event={"summary": title})

    def shift(self, user, item, minutes):
        self.act("move", **{"as": self.ids[user]}, eventId=item, minutes=minutes)

    def remove(self, user, item):
        self.act("delete", **{"as": self.ids[user]}, eventId=item)

    def starts(self, user, item):
        """Return when a series happens, as Unix seconds."""
        found = self.act("occurrences", **{"as": self.ids[user]}, eventId=item)["occurrences"]
        return [_second(row["start"]) for row in found]

    def rename_one(self, user, item, start, title):
        event = {"summary": title}
        self.act("edit", **{"as": self.ids[user]}, eventId=item, origin=start, scope="one", event=event)

    def remove_one(self, user, item, start):
        self.act("delete", **{"as": self.ids[user]}, eventId=item, origin=start, scope="one")

    def answer(self, user, item, how):
        words = {"accept": "accepted", "decline": "declined", "tentative": "tentative"}
        self.act("respond", **{"as": self.ids[user]}, eventId=item, response=words[how])

    def shown(self, user, calendar, low, high):
        span = {
            "from": dt.datetime.fromtimestamp(low, dt.UTC).isoformat(),
            "to": dt.datetime.fromtimestamp(high, dt.UTC).isoformat(),
        }
        found = self.act("occurrences", **{"as": self.ids[user]}, **span)["occurrences"]
        return sorted((r["summary"], _second(r["start"]), _second(r["end"])) for r in found)

    def lose_tokens(self):
        self.act("revoke_token")

    def lose_cursors(self):
        self.act("expire_sync_tokens")

    def is_write(self, call):
        return call.endpoint.startswith(("Create", "Patch", "Delete", "Respond", "Add", "Remove"))

    throttle_codes = ("QpsLimit", "QpmLimit", "ApiCountLimit", "flowLimit")
    monthly_calls = MONTHLY_CALLS

    def billed(self):
        return dict(self.box.quota.months)

    def kind_of(self, notice):
        """Return what somebody was told: ``change`` or ``delete``."""
        word = notice["text"].split()[0]
        return {"created": "change", "updated": "change", "cancelled": "delete"}.get(word)


def _second(moment):
    if isinstance(moment, dict):
        moment = moment.get("dateTime") or moment["date"]
    if "T" not in moment:
        return int(dt.datetime.combine(dt.date.fromisoformat(moment), dt.time(), CHINA).timestamp())
    return int(dt.datetime.fromisoformat(moment).timestamp())


OFFICES = {"wecom": WeComOffice, "dingtalk": DingTalkOffice}
