"""The Stream connection in this process, against the box: LATER while there is no room, redelivery, retries, the end."""

from __future__ import annotations

import logging
import time
from dataclasses import replace

import pytest
from world import DingTalkSide, World

from bridge.daemon.stream import Stream
from bridge.engine.push import Pushes


def until(condition, seconds=15):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture
def world(tmp_path):
    made = World(DingTalkSide, tmp_path)
    yield made
    made.close()


@pytest.fixture
def stream(world):
    opened = []

    def make(**options):
        pushes = Pushes(world.parts.engine, **options)
        provider = world.parts.engine.providers["dingtalk"]
        made = Stream(world.config.source[0], provider.gateway, pushes)
        made.start()
        opened.append((made, pushes))
        until(lambda: state(world)["stream"]["connections"])
        return made, pushes

    yield make
    for made, pushes in opened:
        made.close()
        pushes.close()


def state(world):
    return world.side.box.control("state", {})


def told(world):
    return state(world)["pushes"]["sent"]


def happen(world, title):
    world.side.act(
        "create",
        event={
            "summary": title,
            "start": {"dateTime": "2030-01-07T10:00:00+08:00", "timeZone": "Asia/Shanghai"},
            "end": {"dateTime": "2030-01-07T11:00:00+08:00", "timeZone": "Asia/Shanghai"},
        },
    )


def test_a_full_queue_answers_later_and_the_event_comes_again(world, stream):
    _made, pushes = stream(waiting_max=3)  # two places are taken: it works, and its pushes are not used up
    for number in range(3):
        happen(world, f"Event {number}")
    until(lambda: sum(p["attempts"] for p in told(world)) == 2)
    assert [p["fate"] for p in told(world)].count("delivered") == 1
    pushes.start()
    until(pushes.is_idle)
    for wait_s in (11, 31):
        world.side.box.clock.advance(wait_s)
        time.sleep(1)
        until(pushes.is_idle)
    assert {p["fate"] for p in told(world)} == {"delivered"}


def test_every_connection_that_is_refused_is_tried_again_without_a_word_of_its_ticket(world, stream, caplog):
    with caplog.at_level(logging.DEBUG):
        made, _pushes = stream()
        for _ in range(2):
            before = state(world)["stream"]["opened"]
            world.side.act("stream", what="drop")
            until(lambda before=before: state(world)["stream"]["opened"] > before)
        made.close()
    ours = "".join(
        r.getMessage() for r in caplog.records if r.name != "websockets.server"
    )  # the box is no secret
    assert "stream.open" in ours
    assert "ticket" not in ours
    assert "/connect?" not in ours


def test_it_ends_at_once_even_while_it_waits_for_another_try(world, stream):
    made, _pushes = stream()
    world.fault(kind="status", status=503, match="connections/open", count=-1)
    world.side.act("stream", what="drop")
    until(lambda: not state(world)["stream"]["connections"])
    time.sleep(1)
    began = time.monotonic()
    made.close()
    assert time.monotonic() - began < 12


def test_of_two_nodes_one_holds_the_connection_and_the_other_takes_over(world, monkeypatch):
    monkeypatch.setattr("bridge.daemon.stream.STANDBY_S", 0.1)
    nodes = [replace(world.parts.engine, node=f"elsewhere/{number}/x") for number in range(2)]
    provider = world.parts.engine.providers["dingtalk"]
    made = []
    for node in nodes:
        pushes = Pushes(node)
        pushes.start()
        made.append((Stream(world.config.source[0], provider.gateway, pushes), pushes))
        made[-1][0].start()
        until(lambda: state(world)["stream"]["connections"])
    time.sleep(1)
    assert state(world)["stream"]["opened"] == 1
    made[0][0].close()
    until(lambda: state(world)["stream"]["opened"] == 2)
    until(lambda: len(state(world)["stream"]["connections"]) == 1)
    for stream, pushes in reversed(made):
        stream.close()
        pushes.close()
