"""From what the vendor holds to what it should hold, one step at a time."""

import datetime as dt

from bridge.model.upstream import Create, Delete, Drop, Split, Update
from bridge.plan.steps import Have, Want, next_step, undropped

T1 = dt.datetime(2026, 11, 2, 2, tzinfo=dt.UTC)
T2 = dt.datetime(2026, 11, 9, 2, tzinfo=dt.UTC)
K1, K2 = "20261102T020000Z", "20261109T020000Z"


def have(*items):
    return {item.key: item for item in items}


def run(held, want, *, told):
    """Carry steps out on a toy vendor until none is left; returns the steps."""
    state = dict(held)
    done = []
    for number in range(30):
        step = next_step(state, want, exclusions_told=told)
        if step is None:
            return done, state
        done.append((step.key, step.operation))
        apply(state, step, number, told=told)
    raise AssertionError("the plan does not end")


def apply(state, step, number, *, told):
    operation = step.operation
    match operation:
        case Create(payload=payload):
            state[step.key] = Have(key=step.key, upstream_id=f"n{number}", payload=payload)
        case Update(after=after):
            held = state[step.key]
            state[step.key] = Have(
                key=step.key, upstream_id=held.upstream_id, payload=after, excluded=held.excluded
            )
        case Split(at=at, after=after):
            state[step.key] = Have(key=step.key, upstream_id=f"n{number}", payload=after)
            exclude(state, operation.series_id, at, told=told)
        case Drop(at=at):
            if told:
                exclude(state, operation.series_id, at, told=told)
            else:
                key = "@" + at.strftime("%Y%m%dT%H%M%SZ")
                state[key] = Have(key=key, upstream_id="", payload={}, cancelled=True)
        case Delete(id=upstream_id):
            gone = next(h for h in state.values() if h.upstream_id == upstream_id)
            if gone.key.startswith("@"):
                state[gone.key] = Have(key=gone.key, upstream_id="", payload={}, cancelled=True)
            else:
                del state[gone.key]


def exclude(state, series_id, at, *, told):
    if told:
        series = next(h for h in state.values() if h.upstream_id == series_id)
        excluded = series.excluded | {at.strftime("%Y%m%dT%H%M%SZ")}
        state[series.key] = Have(
            key=series.key, upstream_id=series.upstream_id, payload=series.payload, excluded=excluded
        )


SERIES = Want(key="", payload={"t": "weekly"})


def test_an_equal_payload_needs_no_call():
    held = have(Have(key="", upstream_id="a", payload={"t": "weekly"}))
    assert next_step(held, [SERIES], exclusions_told=True) is None


def test_a_new_series_with_a_changed_and_a_removed_occurrence_is_made_in_three_calls():
    wants = [
        Want(key="", payload={"t": "weekly"}, drops=(T2,)),
        Want(key=f"@{K1}", payload={"t": "moved"}, of="", at=T1, default={"t": "weekly"}),
    ]
    for told in (True, False):
        done, state = run({}, wants, told=told)
        assert [type(op) for _key, op in done] == [Create, Drop, Split]
        assert next_step(state, wants, exclusions_told=told) is None


def test_a_plan_after_its_own_application_is_empty():
    wants = [Want(key="", payload={"a": 1}), Want(key="p1", payload={"a": 2})]
    _done, state = run(have(Have(key="old", upstream_id="x", payload={})), wants, told=True)
    assert next_step(state, wants, exclusions_told=True) is None


def test_what_is_not_wanted_any_more_goes_last():
    held = have(Have(key="p9", upstream_id="x", payload={}))
    done, _ = run(held, [SERIES], told=True)
    assert [type(op) for _key, op in done] == [Create, Delete]


def test_a_changed_occurrence_that_is_removed_deletes_its_item_and_stays_removed():
    held = have(
        Have(key="", upstream_id="a", payload={"t": "weekly"}, excluded=frozenset({K1})),
        Have(key=f"@{K1}", upstream_id="b", payload={"t": "moved"}),
    )
    wants = [Want(key="", payload={"t": "weekly"}, drops=(T1,))]
    done, state = run(held, wants, told=True)
    assert [op for _key, op in done] == [Delete(id="b")]
    assert next_step(state, wants, exclusions_told=True) is None


def test_a_series_that_shows_again_what_was_split_off_has_it_taken_out_once_more():
    held = have(
        Have(key="", upstream_id="a", payload={"t": "weekly"}),
        Have(key=f"@{K1}", upstream_id="b", payload={"t": "moved"}),
    )
    wants = [SERIES, Want(key=f"@{K1}", payload={"t": "moved"}, of="", at=T1, default={})]
    step = next_step(held, wants, exclusions_told=True)
    assert step is not None
    assert step.operation == Drop(series_id="a", at=T1)
    assert next_step(held, wants, exclusions_told=False) is None, (
        "where the vendor links them, nothing is doubled"
    )


def test_an_occurrence_that_is_gone_from_the_series_comes_back_as_an_item_of_its_own():
    series = Have(key="", upstream_id="a", payload={"t": "weekly"}, excluded=frozenset({K1}))
    assert undropped(series, have(series), ()) == [T1]
    assert undropped(series, have(series), (T1,)) == []
    wants = [SERIES, Want(key=f"@{K1}", payload={"t": "weekly"})]
    step = next_step(have(series), wants, exclusions_told=True)
    assert step is not None
    assert step.operation == Create(payload={"t": "weekly"})
