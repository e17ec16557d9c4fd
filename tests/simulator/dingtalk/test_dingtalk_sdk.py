"""The vendor's own client libraries against the simulator: the shapes on the wire are the real ones."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest


@pytest.fixture
def box(new_box):
    """A company of its own: connections and workers end with the test."""
    return new_box()


@pytest.fixture
def sdk(box, make):
    """Return a caller of the official calendar client: operation, arguments, request fields."""
    from alibabacloud_dingtalk.calendar_1_0 import models
    from alibabacloud_dingtalk.calendar_1_0.client import Client
    from alibabacloud_dingtalk.oauth2_1_0 import models as token_models
    from alibabacloud_dingtalk.oauth2_1_0.client import Client as TokenClient
    from alibabacloud_tea_openapi.models import Config
    from alibabacloud_tea_util.models import RuntimeOptions
    from darabonba.core import DaraCore

    config = Config(protocol="http", endpoint=box.server.url.removeprefix("http://"), region_id="central")
    answer = TokenClient(config).get_access_token(
        token_models.GetAccessTokenRequest(app_key=make.client_id, app_secret=make.client_secret)
    )
    assert answer.body.expire_in == 7200
    client = Client(config)

    def call(operation, *arguments, fields=None, headers=None):
        stem = "".join(part.title() for part in operation.split("_"))
        shown = getattr(models, f"{stem}Headers")(
            x_acs_dingtalk_access_token=answer.body.access_token, **(headers or {})
        )
        given = [*arguments]
        if fields is not None:
            request = getattr(models, f"{stem}Request")().from_map(fields)
            for name, value in vars(request).items():
                if value == []:  # what was not said is not sent, as with the constructors
                    setattr(request, name, None)
            given.append(request)
        answered = getattr(client, f"{operation}_with_options")(*given, shown, RuntimeOptions())
        return getattr(answered, "body", None)  # operations without an answer have no body either

    yield call
    # The library keeps its sessions for ever; their sockets must not outlive the simulator.
    for session in DaraCore._sessions.values():
        session.close()
    DaraCore._sessions.clear()


def test_the_official_client_writes_every_field_of_the_create_page(sdk, box, make):
    body = {
        "summary": "test event",
        "description": "something about this event",
        "start": {"dateTime": "2026-11-09T10:15:30+08:00", "timeZone": "Asia/Shanghai"},
        "end": {"dateTime": "2026-11-09T10:45:30+08:00", "timeZone": "Asia/Shanghai"},
        "isAllDay": False,
        "recurrence": {
            "pattern": {
                "type": "daily",
                "dayOfMonth": 1,
                "daysOfWeek": "monday",
                "index": "last",
                "interval": 1,
                "firstDayOfWeek": "monday",
            },
            "range": {"type": "endDate", "endDate": "2026-12-31T10:15:30+08:00"},
        },
        "attendees": [{"id": make.bob, "isOptional": False}],
        "location": {"displayName": "dingtalk"},
        "reminders": [{"method": "dingtalk", "minutes": 15}],
        "onlineMeetingInfo": {"type": "dingtalk"},
        "extra": {"noChatNotification": "true", "noPushNotification": "true"},
        "uiConfigs": [{"uiName": "updateEventButton", "uiStatus": "hide"}],
        "richTextDescription": {"text": '<div class="a"><span style="clear:both;">测试</span></div>'},
    }
    made = sdk("create_event", make.alice, "primary", fields=body, headers={"x_client_token": "t-1"})
    shown = made.to_map()
    for name in ("summary", "description", "start", "end", "isAllDay", "uiConfigs", "richTextDescription"):
        assert shown[name] == body[name], name
    assert shown["recurrence"]["pattern"] == body["recurrence"]["pattern"]
    assert shown["location"]["displayName"] == "dingtalk"
    assert shown["reminders"] == [{"method": "dingtalk", "minutes": "15"}]
    assert [row["id"] for row in shown["attendees"]] == [make.alice, make.bob]
    assert shown["onlineMeetingInfo"]["type"] == "dingtalk"
    assert box.notices() == []
    again = sdk("create_event", make.alice, "primary", fields=body, headers={"x_client_token": "t-1"})
    assert again.id == made.id


def test_the_official_client_reads_changes_and_deletes(sdk, make, box):
    body = make.timed(attendees=[{"id": make.bob}])
    event = sdk("create_event", make.alice, "primary", fields=body).id
    got = sdk("get_event", make.alice, "primary", event, fields={"maxAttendees": 500})
    assert (got.status, got.organizer.display_name, got.reminders[0].minutes) == ("confirmed", "Alice", "15")
    patched = sdk(
        "patch_event",
        make.alice,
        "primary",
        event,
        fields={"id": event, "summary": "Moved", "reminders": [{"method": "dingtalk", "minutes": 5}]},
    )
    assert (patched.summary, patched.reminders[0].minutes) == ("Moved", "5")
    sdk("respond_event", make.bob, "primary", event, fields={"responseStatus": "tentative"})
    add = {"attendeesToAdd": [{"id": make.carol, "isOptional": True}], "pushNotification": False}
    sdk("add_attendee", make.alice, "primary", event, fields=add)
    people = sdk("list_attendees", make.alice, "primary", event, fields={"maxResults": 100}).attendees
    assert [(row.id, row.response_status) for row in people] == [
        (make.alice, "accepted"),
        (make.bob, "tentative"),
        (make.carol, "needsAction"),
    ]
    sdk("remove_attendee", make.alice, "primary", event, fields={"attendeesToRemove": [{"id": make.carol}]})
    sdk("delete_event", make.alice, "primary", event, fields={"pushNotification": False})
    assert box.refused("GET", box.event(event)) == (404, "itemNotFound")


def test_the_official_client_lists_and_looks_ahead(sdk, make):
    weekly = make.rule("weekly", daysOfWeek="monday,wednesday", span=make.numbered(10))
    sdk(
        "create_event",
        make.alice,
        "primary",
        fields=make.timed("2026-11-04T10:00:00", "2026-11-04T11:00:00", recurrence=weekly),
    )
    past = {"timeMin": "2026-10-01T00:00:00.000+08:00", "showDeleted": True, "maxResults": 100}
    sdk(
        "create_event", make.alice, "primary", fields=make.timed("2026-11-02T09:00:00", "2026-11-02T10:00:00")
    )
    listed = sdk("list_events", make.alice, "primary", fields=past)
    assert len(listed.events) == 2
    delta = sdk("list_events", make.alice, "primary", fields={"syncToken": listed.sync_token})
    assert delta.events == []
    assert delta.sync_token
    window = {"timeMin": "2026-11-03T00:00:00.000Z", "timeMax": "2026-12-01T00:00:00.000Z"}
    view = sdk("list_events_view", make.alice, "primary", fields=window)
    assert len(view.events) == 8
    assert all(row.origin_start.date_time.endswith("Z") and row.series_master_id for row in view.events)
    calendars = sdk("list_calendars", make.alice).response.calendars
    assert [(row.id, row.privilege, row.type) for row in calendars] == [("primary", "owner", "primary")]
    busy = sdk(
        "get_schedule",
        make.alice,
        fields={
            "userIds": [make.alice],
            "startTime": "2026-11-02T00:00:00.000Z",
            "endTime": "2026-11-03T00:00:00.000Z",
        },
    )
    item = busy.schedule_information[0].schedule_items[0]
    assert (item.status, item.start.date_time) == ("BUSY", "2026-11-02T09:00:00+08:00")


def test_the_official_client_understands_refusals(sdk, make):
    from Tea.exceptions import TeaException

    with pytest.raises(TeaException) as caught:
        sdk("get_event", make.alice, "primary", "nothing", fields={"maxAttendees": 1})
    assert caught.value.code == "itemNotFound"
    assert caught.value.data["statusCode"] == 404
    with pytest.raises(TeaException) as caught:
        sdk(
            "create_event",
            make.alice,
            "primary",
            fields=make.timed(recurrence=make.rule("daily", interval=366)),
        )
    assert "Recurrence interval must between [1, 365]" in caught.value.message


STREAM_CLIENT = """
    import asyncio, json, sys
    import dingtalk_stream

    class Handler(dingtalk_stream.EventHandler):
        async def process(self, event):
            shown = {"type": event.headers.event_type, "id": event.headers.event_id, "data": event.data}
            print(json.dumps(shown), flush=True)
            return dingtalk_stream.AckMessage.STATUS_OK, "OK"

    client = dingtalk_stream.DingTalkStreamClient(dingtalk_stream.Credential(sys.argv[1], sys.argv[2]))
    client.register_all_event_handler(Handler())
    asyncio.run(client.start())
"""


def test_the_official_stream_client_receives_and_acknowledges_events(box, make, wait):
    import json

    environment = {**os.environ, "DINGTALK_OPENAPI_ENDPOINT": box.server.url, "NO_PROXY": "127.0.0.1"}
    command = [sys.executable, "-c", textwrap.dedent(STREAM_CLIENT), make.client_id, make.client_secret]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as client:
        try:
            wait(lambda: box.server.control("state")["stream"]["connections"], 30)
            event = box.create()
            shown = json.loads(client.stdout.readline())
            assert shown["type"] == "calendar_event_change"
            assert shown["data"]["calendarEventId"] == event["id"]
            assert shown["data"]["unionIdList"] == [make.alice]
            pushes = wait(
                lambda: [p for p in box.server.control("state")["pushes"]["sent"] if p["fate"] == "delivered"]
            )
            assert shown["id"] == pushes[0]["eventId"]
            box.act("stream", what="ping")
            wait(lambda: box.server.control("state")["stream"]["connections"][0]["pongs"] == 1)
            box.act("stream", what="disconnect")
            wait(lambda: box.server.control("state")["stream"]["opened"] == 2)  # it came back by itself
        finally:
            client.kill()
