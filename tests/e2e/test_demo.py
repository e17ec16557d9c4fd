"""``make demo`` as a user of it sees it."""

import datetime as dt
from zoneinfo import ZoneInfo

import caldav
import httpx

MONTH = dt.datetime.now(ZoneInfo("Asia/Shanghai")).replace(day=1, hour=0, minute=0)


def client(demo, index=0):
    who = demo["users"][index]
    return caldav.DAVClient(url=demo["url"], username=who["user"], password=who["password"])


def test_python_caldav_discovers_one_calendar_of_each_vendor_per_person_and_sees_the_month(demo):
    for index in range(2):
        with client(demo, index) as dav:
            calendars = dav.principal().calendars()
            slugs = sorted(str(c.url).rstrip("/").rsplit("/", 1)[-1].split("-")[0] for c in calendars)
            assert slugs == ["dingtalk", "wecom"]
            for calendar in calendars:
                found = calendar.search(
                    start=MONTH, end=MONTH + dt.timedelta(days=31), event=True, expand=True
                )
                assert len(found) >= 5, calendar.url


def test_the_feed_is_one_calendar_as_ics(demo):
    for user in demo["users"]:
        assert len(user["feeds"]) == len(user["calendars"]) == 2
        for url in user["feeds"]:
            answer = httpx.get(url)
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("text/calendar")
            assert answer.text.count("BEGIN:VCALENDAR") == 1
            assert answer.text.count("BEGIN:VEVENT") >= 5


def test_each_address_that_was_printed_answers(demo):
    assert httpx.get(demo["url"]).status_code == 200
    assert httpx.get(f"{demo['admin']}/readyz").status_code == 200
    assert "queqiao_vendor_calls_total" in httpx.get(f"{demo['admin']}/metrics").text
    for url in demo["simulators"].values():
        assert httpx.get(f"{url}/_control/state").status_code == 200
    for user in demo["users"]:
        for url in user["calendars"]:
            answer = httpx.request(
                "PROPFIND", url, auth=(user["user"], user["password"]), headers={"Depth": "0"}
            )
            assert answer.status_code == 207


def test_an_event_written_with_python_caldav_is_in_the_vendors_own_state(demo):
    start = MONTH + dt.timedelta(days=45)
    with client(demo) as dav:
        for calendar in dav.principal().calendars():
            kind = str(calendar.url).rstrip("/").rsplit("/", 1)[-1].split("-")[0]
            title = f"From a client to {kind}"
            event = calendar.save_event(dtstart=start, dtend=start + dt.timedelta(hours=1), summary=title)
            state = httpx.get(f"{demo['simulators'][kind]}/_control/state").text
            assert title in state
            event.delete()
