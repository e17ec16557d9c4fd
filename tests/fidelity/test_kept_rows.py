"""Everything that the table calls kept: byte for byte through a PUT, a change at the vendor and a full look; at no cost."""

from __future__ import annotations

import pytest
from fidelity_box import SIDES, Box
from frames import frame, without

from bridge.model.fidelity import RENEWED, TABLE, VENDORS, Fate

KEPT = [(vendor, row) for vendor in VENDORS for row in TABLE if row.cells[vendor].out is Fate.KEPT]
CHANGED = {*RENEWED, "SEQUENCE", "SUMMARY"}
NEW_TITLE = "Renamed in the app"


class Story:
    """What became of one object."""

    def __init__(self, text):
        self.text = text
        self.stages = {}
        self.calls = {}


@pytest.fixture(scope="module")
def stories(tmp_path_factory):
    """Take every kept row through the same life, all of a vendor together: looks at the calendar are the dear part."""
    told = {}
    for vendor, side in SIDES.items():
        box = Box(side, tmp_path_factory.mktemp(vendor))
        rows = [row for one, row in KEPT if one == vendor]
        try:
            for number, row in enumerate(rows):
                told[vendor, row.section, row.name] = live(box, row, f"kept-{number}")
            for item in box.side.items():
                box.side.rename(item, NEW_TITLE)
            look(box, rows, told, "after an edit at the vendor", full=False)
            look(box, rows, told, "after a full look", full=True)
        finally:
            box.close()
    return told


def live(box, row, uid):
    href = f"{uid}.ics"
    story = Story(frame(row, box.side, uid))
    box.put(href, story.text)
    story.stages["after the PUT"] = box.text(href)
    story.losses = box.losses(href)
    box.side.calls.clear()
    for name, text in (
        ("taken back", frame(row, box.side, uid, without(row, box.side, uid))),
        ("put again", story.text),
    ):
        box.put(href, text)
        story.calls[name] = box.all_calls()
        assert lines_of(box.text(href)) == marked(text)
    return story


def look(box, rows, told, stage, *, full):
    box.sync(full=full)
    for number, row in enumerate(rows):
        told[box.side.source, row.section, row.name].stages[stage] = box.text(f"kept-{number}.ics")


@pytest.mark.parametrize(("vendor", "row"), KEPT, ids=lambda one: getattr(one, "name", one))
def test_a_kept_construct_survives_everything_and_costs_nothing(stories, vendor, row):
    story = stories[vendor, row.section, row.name]
    before = marked(story.text)
    if before == lines_of(story.text):
        assert story.stages["after the PUT"] == story.text
    assert lines_of(story.stages["after the PUT"]) == before
    assert story.calls == {"taken back": [], "put again": []}
    renamed = lines_of(story.stages["after an edit at the vendor"])
    assert f"SUMMARY:{NEW_TITLE}" in renamed
    assert [line for line in renamed if name_of(line) not in CHANGED] == [
        line for line in before if name_of(line) not in CHANGED
    ]
    assert [name_of(line) for line in renamed] == [name_of(line) for line in before]
    assert story.stages["after a full look"] == story.stages["after an edit at the vendor"]


def lines_of(text):
    return text.replace("\r\n ", "").split("\r\n")


def marked(text):
    """Return the lines with the one thing that a server says on them: whom nobody could tell (RFC 6638 3.2.9)."""
    depth, out = [], []
    for line in lines_of(text):
        name, _, value = line.partition(":")
        depth += [value] if name == "BEGIN" else []
        is_stranger = (
            name.startswith("ATTENDEE") and line.endswith("@elsewhere.example") and depth[-1:] == ["VEVENT"]
        )
        out.append(line.replace(":mailto:", ';SCHEDULE-STATUS="3.7":mailto:') if is_stranger else line)
        depth = depth[:-1] if name == "END" else depth
    return out


def name_of(line):
    return line.partition(":")[0].partition(";")[0]


def test_sequence_counts_time_rule_and_place_and_is_kept_otherwise(stories):
    for vendor in VENDORS:
        row = next(row for row in TABLE if row.name == "SEQUENCE")
        assert "SEQUENCE:4" in stories[vendor, row.section, row.name].stages["after a full look"]
