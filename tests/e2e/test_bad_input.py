"""Bad input gets a 4xx with a sentence, and leaves every byte as it was."""

import pytest
from harness import event

GOOD = event("good")


def without(text, start):
    return "\r\n".join(line for line in text.split("\r\n") if not line.startswith(start))


BAD = {
    "no UID": without(GOOD, "UID"),
    "two UIDs": GOOD.replace(
        "END:VCALENDAR",
        "BEGIN:VEVENT\r\nUID:other\r\nDTSTAMP:20261101T000000Z\r\nDTSTART:20261202T100000Z\r\nEND:VEVENT\r\nEND:VCALENDAR",
    ),
    "reversed times": event("good", start="20261202T110000", end="20261202T100000"),
    "unknown zone": event("good", zone="Mars/Olympus"),
    "seconds for ever": event("good", lines=["RRULE:FREQ=SECONDLY"]),
    "minutes for ever": event("good", lines=["RRULE:FREQ=MINUTELY"]),
    "a task": "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VTODO\r\nUID:good\r\nDTSTAMP:20261101T000000Z\r\nEND:VTODO\r\nEND:VCALENDAR\r\n",
    "broken lines": GOOD.replace("SUMMARY:", "SUM MARY"),
    "cut off": GOOD[: len(GOOD) // 2],
    "wrong charset": GOOD.replace("Planning", "计划").encode("gb18030"),
    "not a calendar": b"\x89PNG\r\n\x1a\n\x00\x00",
    "empty": b"",
    "an address card": "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:x\r\nEND:VCARD\r\n",
    "title too long": event("good", summary="长" * 3000),
    "no start": without(GOOD, "DTSTART"),
    "count and until": event("good", lines=["RRULE:FREQ=DAILY;COUNT=3;UNTIL=20270101T000000Z"]),
    "a bad rule": event("good", lines=["RRULE:FREQ=SOMETIMES"]),
    "10 MB": event("good", lines=["X-LONG:" + "x" * 10_000_000]),
}
WECOM_ONLY = {"zero length": event("good", start="20261202T100000", end="20261202T100000")}


@pytest.fixture(scope="module")
def there(tmp_path_factory):
    from contextlib import ExitStack

    from harness import boxes, run_bridge

    with ExitStack() as stack:
        bridge, clients = run_bridge(stack, boxes(stack), tmp_path_factory.mktemp("bad"))
        alice = clients["alice"]
        for path in alice.calendars():
            assert alice.put(f"{path}good.ics", GOOD).status_code == 201
        yield bridge, alice


def check(alice, path, body):
    token, before = alice.sync(path)
    for href in ("good.ics", "new.ics"):
        answer = alice.put(f"{path}{href}", body)
        assert 400 <= answer.status_code < 500, (answer.status_code, answer.text)
        assert len(answer.text) > 20, "a sentence says what was wrong"
    assert alice.get(f"{path}good.ics").text == GOOD
    assert alice.get(f"{path}new.ics").status_code == 404
    assert alice.sync(path) == (token, before)


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_with_a_sentence_and_changes_nothing(there, name):
    _bridge, alice = there
    for path in alice.calendars():
        check(alice, path, BAD[name])


@pytest.mark.parametrize("name", WECOM_ONLY)
def test_what_only_wecom_refuses_is_refused_there(there, name):
    _bridge, alice = there
    (path,) = [p for p in alice.calendars() if "wecom" in p]
    check(alice, path, WECOM_ONLY[name])


def test_no_refusal_was_a_failure_of_ours(there):
    bridge, _alice = there
    assert "Traceback" not in bridge.log
