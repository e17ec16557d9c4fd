"""Real clients and suites against the real daemon: what they see is what people get."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from grades import BY_DESIGN, grade, graded, reason, stock
from harness import event, run_bridge

pytestmark = [pytest.mark.clients, pytest.mark.timeout(600)]

BIN = Path(sys.executable).parent
BEYOND_STOCK = ("scheduling", "scheduling.mailbox", "scheduling.schedule-tag", "principal-search")
"""What stock Radicale has not."""


def test_caldav_server_tester_grades_us_at_least_like_stock_radicale(stack, vendors, tmp_path, capsys):
    bridge, clients = run_bridge(stack, vendors, tmp_path, allow_delete_calendar=True)
    alice = clients["alice"]
    # The suite wants a calendar for tasks and cannot go on without; ours would refuse to make one of tasks.
    assert alice.request("MKCALENDAR", "/dav/alice/caldav-server-checker-calendar_tasks/").status_code == 201
    people = [("alice", "pw")]
    theirs = graded(stock(stack, tmp_path, people), people, tmp_path)
    ours = graded(f"{bridge.url}/dav/", [("alice", alice.password)], tmp_path)
    worse = {
        name: grade(ours, name)
        for name in sorted(set(theirs) | set(ours))
        if grade(theirs, name) == "full" != grade(ours, name)
    }
    with capsys.disabled():
        print(f"\ncaldav-server-tester: {len(worse)} features below stock, all by design: {sorted(worse)}")
    assert [name for name in worse if not reason(name, BY_DESIGN)] == []
    for name in BEYOND_STOCK:
        assert (grade(theirs, name), grade(ours, name)) == ("unsupported", "full")


def test_caldav_server_tester_asks_for_a_colleagues_busy_times(stack, vendors, tmp_path):
    bridge, clients = run_bridge(stack, vendors, tmp_path, allow_delete_calendar=True)
    found = graded(
        f"{bridge.url}/dav/",
        [(name, one.password) for name, one in clients.items()],
        tmp_path,
        "--run-feature",
        "scheduling.freebusy-query",
    )
    assert grade(found, "scheduling.freebusy-query") == "full"


def test_caldav_server_tester_on_a_dingtalk_calendar_finds_nothing_wrong_beyond_tasks(
    stack, vendors, tmp_path
):
    bridge, clients = run_bridge(stack, vendors, tmp_path)
    alice = clients["alice"]
    assert alice.request("MKCALENDAR", "/dav/alice/caldav-server-checker-calendar_tasks/").status_code == 201
    found = graded(
        f"{bridge.url}/dav/",
        [("alice", alice.password)],
        tmp_path,
        "--caldav-calendar",
        "我的日历",
        "--run-feature",
        "save-load.event",
    )
    assert found.get("save-load.event", "full") == "full"
    assert found.get("save-load.event.recurrences", "full") == "full"


def vdirsyncer(folder, *arguments):
    done = subprocess.run(
        [BIN / "vdirsyncer", "-c", str(folder / "config"), *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "HOME": str(folder)},
        input="y\n" * 10,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def test_vdirsyncer_keeps_a_folder_and_both_vendors_in_step(stack, vendors, tmp_path):
    bridge, clients = run_bridge(stack, vendors, tmp_path)
    alice = clients["alice"]
    folder = tmp_path / "vdir"
    folder.mkdir()
    (folder / "config").write_text(
        f"""[general]
status_path = "{folder}/status/"
[pair us]
a = "here"
b = "there"
collections = ["from b"]
conflict_resolution = "b wins"
[storage here]
type = "filesystem"
path = "{folder}/calendars/"
fileext = ".ics"
[storage there]
type = "caldav"
url = "{bridge.url}/dav/"
username = "alice"
password = "{alice.password}"
"""
    )
    paths = alice.calendars()
    for number, path in enumerate(paths):
        assert (
            alice.put(f"{path}there{number}.ics", event(f"there{number}", summary="Made there")).status_code
            == 201
        )
    vdirsyncer(folder, "discover")
    vdirsyncer(folder, "sync")
    names = [path.rstrip("/").rsplit("/", 1)[-1] for path in paths]
    for number, name in enumerate(names):
        files = list((folder / "calendars" / name).glob("*.ics"))
        assert [f.read_text().count("Made there") for f in files] == [1]
        (folder / "calendars" / name / f"here{number}.ics").write_text(
            event(f"here{number}", summary="Made here")
        )
        files[0].write_text(files[0].read_text().replace("Made there", "Changed here"))
    time.sleep(1.1)
    vdirsyncer(folder, "sync")
    for path in paths:
        texts = alice.texts(path).values()
        assert sorted(t.split("SUMMARY:")[1].splitlines()[0] for t in texts) == ["Changed here", "Made here"]
    state = vendors[0].control("state")
    assert sorted(s["content"]["summary"] for s in state["schedules"].values() if s["status"] == 0) == [
        "Changed here",
        "Made here",
    ]
    assert sorted(e["summary"] for e in vendors[1].control("state")["events"] if not e["cancelled"]) == [
        "Changed here",
        "Made here",
    ]
    for name in names:
        for file in (folder / "calendars" / name).glob("*.ics"):
            file.unlink()
            break
    vdirsyncer(folder, "sync")
    again = vdirsyncer(folder, "sync")
    assert "Copying" not in again.stderr + again.stdout
    for path in paths:
        assert len(alice.texts(path)) == 1
    shutil.rmtree(folder)
