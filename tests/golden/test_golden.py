"""What real clients write, and what becomes of it: through the engine, at each vendor, and back.

One folder per case and vendor::

    client.ics     what a client PUT (missing: the event was made in the vendor's app)
    vendor.json    what a person did in the vendor's app afterwards, if anything
    upstream.json  what we ask the vendor to hold, by piece; null is an occurrence that is removed from its series
    served.ics     what a GET returns at the end, after a full look at the vendor
    losses.txt     what the receipt says that the vendor does not hold, or the refusal

The date is 2026-01-05, a Monday. ``pytest tests/golden --update-golden`` rewrites the last three; the review happens in
the diff. Whatever the files say, the occurrences at the vendor must be those of the client's text, as two libraries
understand it that do not know each other.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fidelity_box import ours, theirs

from bridge.errors import Refused

HERE = Path(__file__).parent
CASES = sorted(
    path for vendor in ("wecom", "dingtalk") for path in (HERE / vendor).iterdir() if path.is_dir()
)

OURS_ALONE = {
    "berlin_daily_at_an_hour_that_is_skipped": "the other library lets an event in the gap end before it begins",
    "evolution_daily_exdate_as_date": "the other library lets an UNTIL that is a DATE end before that day",
    "kde_rdate_periods": "the other library gives an RDATE;VALUE=PERIOD its own length, no vendor can",
}
"""Cases in which the other library reads something else, and why we are right."""


@pytest.fixture
def check(request):
    def golden(path, text):
        data = text.encode() if isinstance(text, str) else text
        if request.config.getoption("--update-golden", default=False):
            path.unlink(missing_ok=True)
            if data is not None:
                path.write_bytes(data)
        assert (path.read_bytes() if path.exists() else None) == data, path.name

    return golden


@pytest.mark.parametrize("case", CASES, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_a_case_is_what_its_folder_says(boxes, check, case):
    vendor = case.parent.name
    try:
        play(boxes(vendor), check, case)
        boxes(vendor).clear()
    except BaseException:
        boxes.discard(vendor)
        raise


def play(box, check, case):
    href = f"{case.name}.ics"
    client = case / "client.ics"
    if client.exists():
        try:
            box.put(href, client.read_bytes())
        except Refused as error:
            assert box.side.items() == []
            assert box.text(href) is None
            check(case / "losses.txt", f"{error.http_status} {error.precondition or ''}\n{error}\n")
            check(case / "upstream.json", "{}\n")
            check(case / "served.ics", None)
            return
        text = box.text(href)
        assert shown(box, case) == expected(text, case)
        if case.name not in OURS_ALONE:
            assert theirs(text) == ours(text)
    acts = case / "vendor.json"
    if acts.exists():
        for act in json.loads(acts.read_text(encoding="utf-8")):
            box.act(act, href)
    box.sync()
    box.sync(full=True)
    (served,) = box.service.get_all(box.collection.id)
    assert shown(box, case) == expected(served.text, case)
    box.side.calls.clear()
    box.put(served.href, served.text.replace("BEGIN:VEVENT\r\n", "BEGIN:VEVENT\r\nX-AGAIN:1\r\n"))
    assert box.writes() == [], "what is served can be put again at no cost"
    losses = box.losses(href) if client.exists() else []
    check(case / "losses.txt", "".join(f"{loss}\n" for loss in losses))
    check(case / "upstream.json", canonical(box.payloads(served.href)))
    check(case / "served.ics", without_ids(box, served))
    if not client.exists():
        for item in box.side.items():  # the app may not delete what people made
            box.side.remove(item)
        box.sync(full=True)


ENDS_UNKNOWN = {
    (
        "dingtalk",
        "berlin_daily_at_an_hour_that_comes_twice",
    ): "how long DingTalk makes an occurrence in which the clock changes is not documented",
}
"""Cases in which only the starts are compared, and why."""


def shown(box, case):
    return only_starts(box.shown(), case)


def expected(text, case):
    return only_starts(ours(text), case)


def only_starts(found, case):
    if (case.parent.name, case.name) in ENDS_UNKNOWN:
        return [one[0] for one in found]
    return found


def canonical(payloads):
    return json.dumps(payloads, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def without_ids(box, served):
    """Return the text with the vendor's own ids, which are drawn anew in each run, made the same."""
    text = served.text
    for number, upstream_id in enumerate(sorted(set(box.ids(served.href).values())), start=1):
        text = text.replace(upstream_id, f"ID{number}")
    return text


def test_there_are_at_least_sixty_cases_for_each_vendor():
    for vendor in ("wecom", "dingtalk"):
        assert sum(case.parent.name == vendor for case in CASES) >= 60
