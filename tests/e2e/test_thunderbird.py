"""A person's day in a real Thunderbird; after each step the vendor is asked what it holds.

Thunderbird's calendar manager does what its windows do: search, subscribe, save, refresh, delete. A picture of the month is kept.
"""

import datetime as dt
import uuid
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from harness import run_bridge, until
from thunderbird import thunderbird

pytestmark = [pytest.mark.clients, pytest.mark.timeout(400)]

PICTURE = Path(__file__).parents[2] / "artifacts" / "thunderbird" / "month.png"
VEVENT = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Mozilla.org/NONSGML Mozilla Calendar V1.1//EN
BEGIN:VEVENT
UID:{uid}
DTSTAMP:20261201T000000Z
DTSTART;TZID=Asia/Shanghai:{day}T{hour}0000
DTEND;TZID=Asia/Shanghai:{day}T{hour}3000
SUMMARY:{title}
{more}END:VEVENT
END:VCALENDAR
"""
DISCOVER = """
const found = await cal.provider.detection.detect(args[0], args[1], args[2], true, [], {});
const calendars = [...found.values()].flat();
for (const one of calendars) {
  one.setProperty("username", args[0]);
  one.setProperty("cache.enabled", true);
  cal.manager.registerCalendar(one);
}
return calendars.map(one => [one.type, new URL(one.uri.spec).pathname]);
"""
TOOLS = """
const { CalEvent, CalAttendee, CalAlarm } = Object.fromEntries(["CalEvent", "CalAttendee", "CalAlarm"].map(n => [n, load(n)]));
const home = cal.manager.getCalendars().find(one => one.uri.spec.includes("/dingtalk-"));
const get = uid => home.getItem(uid);
const change = async (uid, edit) => {
  const old = await get(uid), next = old.clone();
  edit(next, old);
  await home.modifyItem(next, old);
};
"""
ADD = (
    TOOLS + "const item = new CalEvent(args[0]); item.calendar = home; return (await home.addItem(item)).id;"
)
RENAME = TOOLS + "await change(args[0], item => { item.title = args[1]; });"
ALARM = (
    TOOLS
    + """
await change(args[0], item => {
  const alarm = new CalAlarm();
  alarm.action = "DISPLAY";
  alarm.related = Ci.calIAlarm.ALARM_RELATED_START;
  alarm.offset = cal.createDuration("-PT15M");
  item.addAlarm(alarm);
});"""
)
INVITE = (
    TOOLS
    + """
await change(args[0], item => {
  const make = (address, organizer) => {
    const person = new CalAttendee();
    person.id = "mailto:" + address;
    person.isOrganizer = organizer;
    person.participationStatus = organizer ? "ACCEPTED" : "NEEDS-ACTION";
    return person;
  };
  item.organizer = make(args[1], true);
  item.addAttendee(make(args[2], false));
});"""
)
RENAME_ONE = (
    TOOLS
    + """
await change(args[0], item => {
  const when = cal.createDateTime(args[1]);
  when.timezone = item.startDate.timezone;
  const one = item.recurrenceInfo.getOccurrenceFor(when).clone();
  one.title = args[2];
  item.recurrenceInfo.modifyException(one, true);
});"""
)
SEE = (
    TOOLS
    + """
home.refresh();
await sleep(1500);
return (await get(args[0]))?.title ?? null;"""
)
DELETE = TOOLS + "await home.deleteItem(await get(args[0]));"
MONTH = """
const tabmail = document.getElementById("tabmail");
tabmail.openTab("calendar");
await sleep(1000);
window.goToDate?.(cal.createDateTime(args[0]));
document.getElementById("calTabMonth")?.click();
await sleep(1500);
"""


class Vendor:
    """DingTalk in a box, asked past the bridge."""

    def __init__(self, box):
        self.box = box

    def events(self):
        return [one for one in self.box.control("state")["events"] if not one["cancelled"]]

    def titled(self, title):
        return next((one for one in self.events() if one["summary"] == title), None)

    def show(self, key):
        return self.box.act("show", **{"as": "alice01"}, eventId=key)["event"]

    def occurrences(self, key):
        """Titles by local start, of one series."""
        window = {"from": "2026-12-01T00:00:00+08:00", "to": "2027-02-01T00:00:00+08:00"}
        found = self.box.act("occurrences", eventId=key, **window)["occurrences"]
        return {start_of(one): one["summary"] for one in found}


def start_of(one):
    """Return an occurrence's start on Shanghai's clock, to the minute."""
    start = dt.datetime.fromisoformat(one["start"])
    return start.astimezone(ZoneInfo("Asia/Shanghai")).strftime("%Y-%m-%dT%H:%M")


def vevent(title, day, hour="10", more=""):
    uid = str(uuid.uuid4())
    return uid, VEVENT.format(uid=uid, title=title, day=day, hour=hour, more=more).replace("\n", "\r\n")


def test_a_day_in_thunderbird(stack, vendors, tmp_path):
    for name in ("bridge", "client"):
        (tmp_path / name).mkdir()
    bridge, clients = run_bridge(stack, vendors, tmp_path / "bridge", poll_s=1.0, poll_billed_s=1.0)
    alice, vendor = clients["alice"], Vendor(vendors[1])
    until(lambda: len(alice.calendars()) == 2)
    with thunderbird(tmp_path / "client") as client:
        # From the bare address to both calendars.
        found = client.do(DISCOVER, "alice", alice.password, bridge.url)
        assert sorted(path for _kind, path in found) == sorted(alice.calendars())
        assert {kind for kind, _path in found} == {"caldav"}

        # An event, a better title, an alarm, a colleague.
        single, text = vevent("Quarterly review", "20261209")
        assert client.do(ADD, text) == single
        key = until(lambda: vendor.titled("Quarterly review"))["key"]
        assert vendor.show(key)["start"]["dateTime"].startswith("2026-12-09T10:00")
        client.do(RENAME, single, "Quarterly review, room 2")
        until(lambda: vendor.titled("Quarterly review, room 2"))
        client.do(ALARM, single)
        until(lambda: [one["minutes"] for one in vendor.show(key)["reminders"]] == ["15"])
        client.do(INVITE, single, "alice@example.com", "bob@example.com")
        bob = next(one["union_id"] for one in vendor.box.control("state")["people"] if one["name"] == "Bob")
        until(lambda: bob in vendor.titled("Quarterly review, room 2")["guests"])

        # A series, all of it and one occurrence.
        series, text = vevent("Stand-up", "20261207", "09", "RRULE:FREQ=WEEKLY;COUNT=4\n")
        client.do(ADD, text)
        weekly = until(lambda: vendor.titled("Stand-up"))["key"]
        days = [f"2026-12-{day:02}T09:00" for day in (7, 14, 21, 28)]
        assert vendor.occurrences(weekly) == dict.fromkeys(days, "Stand-up")
        client.do(RENAME, series, "Stand-up of the team")
        until(lambda: vendor.occurrences(weekly) == dict.fromkeys(days, "Stand-up of the team"))
        client.do(RENAME_ONE, series, "20261214T090000", "Stand-up with guests")
        after = dict.fromkeys(days, "Stand-up of the team") | {days[1]: "Stand-up with guests"}
        until(lambda: vendor.occurrences(weekly) == after)

        # Somebody edits in the vendor's app.
        vendors[1].act(
            "edit", **{"as": "alice01", "eventId": key, "event": {"summary": "Moved to the garden"}}
        )
        until(lambda: client.do(SEE, single) == "Moved to the garden", 60)

        client.do(MONTH, "20261209T000000Z")
        client.picture(PICTURE)
        assert PICTURE.read_bytes().startswith(b"\x89PNG")

        client.do(DELETE, single)
        until(lambda: vendor.titled("Moved to the garden") is None)
        client.do(DELETE, series)
        until(lambda: vendor.events() == [])
