"""The statements, on both databases."""

import threading
import time

import pytest
import sqlalchemy as sa
import sqlalchemy.exc
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config as AlembicConfig
from alembic.runtime.migration import MigrationContext

from bridge.ical.spans import Span, Spans, unread
from bridge.log import request_scope
from bridge.plan.intent import MOVES, State, backoff_s
from bridge.store import calendars, intents, objects, occurrences, people, shared
from bridge.store.clock import DatabaseClock
from bridge.store.engine import MIGRATIONS, SchemaError, Store
from bridge.store.schema import metadata
from bridge.store.shared import Tallies, forget_tallies

NOW = 1_800_000_000_000


def collection(store, user="alice"):
    with store.write() as c:
        principal_id = people.add(c, name=user, email="", now_ms=NOW)
        calendar_id = calendars.upsert(
            c, source_id="s", account=user, upstream_id="primary", name="n", color=""
        )
        return calendars.add_collection(
            c,
            principal_id=principal_id,
            calendar_id=calendar_id,
            slug="s-primary",
            writable=True,
            reason="",
            now_ms=NOW,
        )


def add_object(c, collection_id, href="a.ics", uid="u", seq=1):
    return objects.add(
        c,
        {
            "collection_id": collection_id,
            "href": href,
            "uid": uid,
            "text": "T",
            "etag": "e",
            "starts_ms": 10,
            "ends_ms": 20,
            "recurring": 0,
            "exact_until_ms": None,
            "change_seq": seq,
            "modified_ms": NOW,
            "spans": Spans((Span(10, 20, 2, 1),), 1, (10, 20)),
        },
    )


def add_intent(c, object_id, collection_id, **more):
    values = {
        "object_id": object_id,
        "collection_id": collection_id,
        "href": "a.ics",
        "uid": "u",
        "action": "put",
        "device": "d",
        "now_ms": NOW,
        **more,
    }
    return intents.add(c, values)


def test_the_migrations_lead_to_exactly_the_tables_that_the_code_knows(store):
    with store.engine.connect() as c:
        differences = compare_metadata(MigrationContext.configure(c), metadata)
    assert differences == []


def test_a_newer_schema_is_refused_with_a_sentence(store):
    with store.write() as c:
        c.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaError, match="newer than this version"):
        store.migrate()


def test_change_numbers_are_taken_in_commit_order_by_many_threads(store):
    collection_id = collection(store)
    taken = []

    def take():
        for _ in range(20):
            with store.write() as c:
                taken.append(calendars.take_seq(c, collection_id, NOW))

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == list(range(1, 81))


def test_an_update_that_names_an_old_revision_changes_nothing(store):
    collection_id = collection(store)
    with store.write() as c:
        object_id = add_object(c, collection_id)
        row = objects.get(c, object_id)
    values = {
        "uid": "u",
        "text": "T2",
        "etag": "e2",
        "starts_ms": 0,
        "ends_ms": 1,
        "recurring": 0,
        "exact_until_ms": None,
        "change_seq": 2,
        "modified_ms": NOW,
        "spans": unread((0, 1)),
    }
    with store.write() as c:
        assert objects.change(c, row, values)
    with store.write() as c:
        assert not objects.change(c, row, {**values, "text": "T3"})
        assert objects.get(c, object_id).text == "T2"


def test_a_uid_is_unique_among_served_objects_only(store):
    collection_id = collection(store)
    with store.write() as c:
        row = objects.get(c, add_object(c, collection_id))
    with pytest.raises(sqlalchemy.exc.IntegrityError), store.write() as c:
        add_object(c, collection_id, href="b.ics")
    with store.write() as c:
        assert objects.hide(c, row)
        add_object(c, collection_id, href="b.ics")


def test_only_one_intent_of_an_object_is_in_flight_and_in_order(store):
    collection_id = collection(store)
    with store.write() as c:
        object_id = add_object(c, collection_id)
        first = add_intent(c, object_id, collection_id)
        second = add_intent(c, object_id, collection_id)
    with store.write() as c:
        assert not intents.claim(c, second, owner="b", now_ms=NOW, until_ms=NOW + 1)
        assert intents.claim(c, first, owner="a", now_ms=NOW, until_ms=NOW + 1000)
        assert not intents.claim(c, first, owner="b", now_ms=NOW + 500, until_ms=NOW + 2000)
    with store.write() as c:
        assert intents.claim(c, first, owner="b", now_ms=NOW + 1001, until_ms=NOW + 9000), "the owner died"
        assert not intents.close(c, first, owner="a", state="applied", now_ms=NOW)
        assert intents.close(c, first, owner="b", state="applied", now_ms=NOW)
    with store.write() as c:
        assert [i.id for i in intents.due(c, now_ms=NOW, count=5)] == [second]


def test_the_schema_itself_refuses_two_intents_in_flight(store):
    collection_id = collection(store)
    with store.write() as c:
        object_id = add_object(c, collection_id)
        add_intent(c, object_id, collection_id, state="in_flight")
    with pytest.raises(sqlalchemy.exc.IntegrityError), store.write() as c:
        add_intent(c, object_id, collection_id, state="in_flight")


def test_superseding_spares_edits_that_may_have_left(store):
    collection_id = collection(store)
    with store.write() as c:
        object_id = add_object(c, collection_id)
        doubtful = add_intent(c, object_id, collection_id)
        intents.claim(c, doubtful, owner="a", now_ms=NOW, until_ms=NOW + 10)
        intents.set_step(c, doubtful, owner="a", step="{}")
        intents.retry(c, doubtful, owner="a", retry_at_ms=NOW, words="", step="{}")
        unsent = add_intent(c, object_id, collection_id)
        assert intents.supersede(c, object_id, now_ms=NOW, words="w") == 1
        assert intents.get(c, doubtful).state == "waiting"
        assert intents.get(c, unsent).state == "superseded"


def test_a_lease_has_one_owner_until_it_ends_by_the_databases_clock(store):
    with store.write() as c:
        assert shared.take_lease(c, "pull:1", owner="a", length_ms=60_000)
        assert not shared.take_lease(c, "pull:1", owner="b", length_ms=60_000)
        assert shared.take_lease(c, "pull:1", owner="a", length_ms=60_000), "its owner may extend it"
        shared.release_lease(c, "pull:1", owner="b")
        assert not shared.take_lease(c, "pull:1", owner="b", length_ms=60_000)
        shared.release_lease(c, "pull:1", owner="a")
        assert shared.take_lease(c, "pull:1", owner="b", length_ms=-1)
        assert shared.take_lease(c, "pull:1", owner="c", length_ms=60_000), "b's lease had ended"


def test_a_meta_value_is_made_once_whoever_asks(store):
    assert shared.meta(store, "epoch") == shared.meta(store, "epoch")


def test_a_stale_token_is_forgotten_and_a_newer_one_stays(store):
    vault = shared.TokenVault(store)
    vault.save("wecom", "one", NOW)
    vault.save("wecom", "two", NOW + 1)
    vault.forget("wecom", "one")
    assert vault.load("wecom") == ("two", NOW + 1)
    vault.forget("wecom", "two")
    assert vault.load("wecom") is None


def test_deletions_are_listed_after_a_token_and_forgotten_names_come_back(store):
    collection_id = collection(store)
    with store.write() as c:
        object_id = add_object(c, collection_id, seq=1)
        objects.bury(c, collection_id, "a.ics", change_seq=2, now_ms=NOW)
        objects.remove(c, object_id)
        assert objects.changed(c, collection_id, after_seq=1, upto_seq=2) == ([], ["a.ics"])
        add_object(c, collection_id, seq=3)
        assert objects.changed(c, collection_id, after_seq=1, upto_seq=3) == (["a.ics"], [])


def test_removing_a_person_removes_all_that_hangs_on_them(store):
    collection_id = collection(store)
    with store.write() as c:
        object_id = add_object(c, collection_id)
        intent_id = add_intent(c, object_id, collection_id)
        assert people.remove(c, "alice")
        assert objects.get(c, object_id) is None
        assert intents.get(c, intent_id) is None


def test_closed_states_lead_nowhere_and_every_state_has_a_row():
    assert set(MOVES) == set(State)
    assert all(not MOVES[state] for state in (State.APPLIED, State.MERGED, State.REFUSED, State.SUPERSEDED))


def test_waiting_doubles_is_bounded_and_heeds_the_vendor():
    assert [backoff_s(n) for n in (1, 2, 3, 4)] == [1.0, 2.0, 4.0, 8.0]
    assert backoff_s(100) == 300.0
    assert backoff_s(1, retry_after_s=3600) == 3600


def test_a_tally_ends_exactly_at_its_most_whoever_takes(store):
    tallies = [Tallies(store) for _ in range(4)]
    taken = []

    def take(tally):
        while tally.take("calls:2026-11", most=40, until_ms=NOW):
            taken.append(1)

    threads = [threading.Thread(target=take, args=(tally,)) for tally in tallies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(taken) == tallies[0].used("calls:2026-11") == 40
    tallies[1].give_back("calls:2026-11")
    assert tallies[2].take("calls:2026-11", most=40, until_ms=NOW)
    assert not tallies[3].take("calls:2026-11", most=40, until_ms=NOW)
    assert not tallies[3].take("never", most=0, until_ms=NOW)
    tallies[0].raise_to("never", 7, until_ms=NOW + 10)
    tallies[0].raise_to("never", 3, until_ms=NOW + 10)
    with store.write() as c:
        forget_tallies(c, NOW + 1)
    assert (tallies[0].used("never"), tallies[0].used("calls:2026-11")) == (7, 0)


def test_a_months_calls_of_an_earlier_version_are_taken_over(tmp_path):
    old = Store(f"sqlite:///{tmp_path}/old.db")
    config = AlembicConfig()
    config.set_main_option("script_location", str(MIGRATIONS))
    with old.write() as c:
        config.attributes["connection"] = c
        command.upgrade(config, "0001")
    with old.write() as c:
        c.execute(sa.text("INSERT INTO token VALUES ('ding:calls:2026-11', '4321', 5), ('ding:app', 'x', 6)"))
    old.migrate()
    assert Tallies(old).used("ding:calls:2026-11") == 4321
    with old.read() as c:
        assert c.execute(sa.text("SELECT name FROM token")).scalars().all() == ["ding:app"]
    old.close()


def test_feeds_and_people_of_an_earlier_version_stay(tmp_path):
    old = Store(f"sqlite:///{tmp_path}/old.db")
    config = AlembicConfig()
    config.set_main_option("script_location", str(MIGRATIONS))
    with old.write() as c:
        config.attributes["connection"] = c
        command.upgrade(config, "0002")
    with old.write() as c:
        for statement in (
            "INSERT INTO principal (id, name) VALUES (1, 'alice')",
            "INSERT INTO calendar (id, source_id) VALUES (2, 'ding')",
            "INSERT INTO collection (id, principal_id, calendar_id, slug) VALUES (3, 1, 2, 'work')",
            "INSERT INTO feed (id, hash, principal_id, collection_id, detail) VALUES (4, 'h', 1, 3, 'busy')",
        ):
            c.execute(sa.text(statement))
    old.migrate()
    with old.write() as c:
        assert dict(people.feed(c, "h")) == {"id": 4, "collection_id": 3, "detail": "busy", "user": "alice"}
        assert people.by_name(c, "alice").props == "{}"
        calendars.remove(c, 2)
        assert people.feed(c, "h") is None  # goes with its calendar, as before
    old.close()


def test_edits_of_an_earlier_version_have_no_request(tmp_path):
    old = Store(f"sqlite:///{tmp_path}/old.db")
    config = AlembicConfig()
    config.set_main_option("script_location", str(MIGRATIONS))
    with old.write() as c:
        config.attributes["connection"] = c
        command.upgrade(config, "0003")
    with old.write() as c:
        for statement in (
            "INSERT INTO principal (id, name) VALUES (1, 'alice')",
            "INSERT INTO calendar (id, source_id) VALUES (2, 'ding')",
            "INSERT INTO collection (id, principal_id, calendar_id, slug) VALUES (3, 1, 2, 'work')",
            "INSERT INTO intent (id, collection_id, uid, state) VALUES (4, 3, 'u', 'applied')",
        ):
            c.execute(sa.text(statement))
    old.migrate()
    with old.write() as c:
        assert (intents.get(c, 4).uid, intents.get(c, 4).request_id) == ("u", "")
        with request_scope("00c0ffee"):
            made = intents.add(
                c,
                {
                    "object_id": None,
                    "collection_id": 3,
                    "href": "h",
                    "uid": "v",
                    "action": "put",
                    "device": "",
                    "now_ms": 1,
                },
            )
        assert intents.get(c, made).request_id == "00c0ffee"
    old.close()


def test_nodes_with_wrong_clocks_follow_the_databases(store, monkeypatch, caplog):
    if store.is_sqlite:
        pytest.skip("one process has one clock")
    right_ms = time.time_ns() // 1_000_000
    machine = time.time_ns
    node = DatabaseClock(store)
    assert abs(node.now_ms() - right_ms) < 5000
    with caplog.at_level("WARNING"):
        monkeypatch.setattr("bridge.clock.time.time_ns", lambda: machine() + 3600 * 10**9)
        assert node.now_ms() - right_ms > 3_000_000  # not measured yet
        node.measure()
        assert abs(node.now_ms() - right_ms) < 10_000
        late = DatabaseClock(store)
        assert abs(late.now_ms() - node.now_ms()) < 5000
        node.measure()
    assert [r.getMessage() for r in caplog.records].count("clock.differs") == 2


def test_a_lease_is_ended_once(store):
    with store.write() as c:
        assert shared.take_lease(c, "x", owner="a", length_ms=60_000)
        assert shared.take_lease(c, "old", owner="a", length_ms=-10)
        assert not shared.end_lease(c, "old")
    with store.write() as c:
        assert shared.end_lease(c, "x")
        assert not shared.end_lease(c, "x")
        shared.forget_leases(c, 2**50)
        assert shared.lease_owners(c) == []


def test_the_oldest_data_are_pulled_first(store):
    ids = {user: collection(store, user) for user in ("a", "b", "c")}
    with store.write() as c:
        rows = {row.account: row for row in calendars.all_calendars(c)}
        for account, pulled_ms in (("a", 30), ("b", 10), ("c", 20)):
            calendars.set_state(c, rows[account], pulled_ms=pulled_ms, pull_at_ms=100 - pulled_ms)
        assert [row.account for row, _looked in calendars.due(c, now_ms=1000, count=9)] == ["b", "c", "a"]
        first = calendars.due(c, now_ms=1000, count=1)[0][0]
        assert calendars.claim_pull(c, first, until_ms=5000)
        assert not calendars.claim_pull(c, first, until_ms=5000)
        assert [row.account for row, _looked in calendars.due(c, now_ms=1000, count=9)] == ["c", "a"]
    assert len(ids) == 3


def test_what_waits_for_a_quota_is_woken_and_what_waits_a_moment_is_not(store):
    collection_id = collection(store)
    with store.write() as c:
        for number, at_ms in enumerate((NOW + 1000, NOW + 10**9)):
            object_id = add_object(c, collection_id, href=f"{number}.ics", uid=str(number))
            intent_id = add_intent(c, object_id, collection_id)
            intents.claim(c, intent_id, owner="x", now_ms=NOW, until_ms=NOW + 10)
            intents.retry(c, intent_id, owner="x", retry_at_ms=at_ms, words="why", step=None)
        assert intents.delayed(c, now_ms=NOW)[collection_id] == ("why", NOW + 10**9)
        assert intents.wake(c, now_ms=NOW, after_ms=NOW + 10**6) == 1
        assert [row.retry_at_ms for row in intents.due(c, now_ms=NOW, count=9)] == [NOW]


def test_tokens_are_kept_added_once_and_forgotten_by_prefix(store):
    with store.write() as c:
        shared.put_token(c, "visit:a", "1", 1000)
        shared.put_token(c, "visit:b", "2", 3000)
        shared.put_token(c, "wecom:token", "3", 1000)
        assert shared.add_token(c, "once:x", 1000)
        assert not shared.add_token(c, "once:x", 1000)
        shared.forget_tokens(c, "visit:", 2000)
    with store.read() as c:
        kept = {name: shared.token(c, name) for name in ("visit:a", "visit:b", "wecom:token")}
    assert kept == {"visit:a": None, "visit:b": ("2", 3000), "wecom:token": ("3", 1000)}
    with store.write() as c:
        shared.drop_token(c, "visit:b")
        assert shared.token(c, "visit:b") is None


def test_texts_come_oldest_first_and_spans_come_as_objects_do_but_without_text(store):
    mine = collection(store)
    with store.write() as c:
        for number in (3, 1, 2):
            add_object(c, mine, href=f"{number}.ics", uid=str(number), seq=number)
        first = objects.by_href(c, mine, "3.ics")
        values = {"uid": "3", "text": "changed", "etag": "f", "starts_ms": 30, "ends_ms": 40, "recurring": 1}
        values |= {"exact_until_ms": None, "change_seq": 4, "modified_ms": NOW, "spans": unread((30, 40))}
        assert objects.change(c, first, values)  # PostgreSQL writes a changed row anew, behind the others
        assert objects.hide(c, objects.by_href(c, mine, "1.ics"))
    with store.read() as c:
        assert objects.texts(c, mine) == [("3.ics", "changed"), ("2.ics", "T")]
        for span, names in {
            (0, 50): ["3.ics", "2.ics"],
            (15, 25): ["2.ics"],
            (40, 50): ["3.ics"],
            (41, 50): [],
        }.items():
            whole = [tuple(row) for row in objects.between(c, mine, *span)]
            assert [row[0] for row in whole] == names
            bare = [tuple(row) for row in objects.between(c, mine, *span, texts=False)]
            assert bare == [(*row[:2], "", *row[3:]) for row in whole]


def test_rows_of_the_occurrence_index_come_and_go_with_their_object(store):
    mine, day = collection(store), 86_400_000
    rows = (Span(0, 10, 0, 1), Span(day, day, 0, 0), Span(5 * day, 400 * day, 1, 2), Span(NOW, 2 * NOW, 2, 1))
    with store.write() as c:
        object_id = add_object(c, mine)
        occurrences.put(c, object_id, mine, Spans(rows, 1, (0, 1)))
        other = add_object(c, mine, "b.ics", "v", 2)
        many = tuple(Span(9 * NOW + n, 9 * NOW + n + 1, 0, 1) for n in range(1200))
        occurrences.put(c, other, mine, Spans(many, 1, (0, 1)))
        assert occurrences.of_object(c, other) == many
    with store.read() as c:
        assert occurrences.of_object(c, object_id) == rows
        for span, sure in {
            (0, 1): 0,  # what ends with the range's start is outside, what begins with its end, too
            (10, day): None,
            (day, day + 1): 0,
            (day - 1, day): None,
            (day + 1, 5 * day + 1): 1,
            (399 * day, NOW): 1,
            (400 * day, NOW): None,
            (400 * day, NOW + 1): 2,
            (NOW + 5, NOW + 6): 2,
        }.items():
            assert occurrences.touching(c, mine, *span).get(object_id) == sure, span
        firm, loose = occurrences.touching_firmly(c, mine, day, 6 * day)
        assert (firm, [touch.span for touch in loose]) == ({object_id: 0}, [rows[2]])
        busy = occurrences.busy(c, mine, 0, NOW + 1, limit=10)
        assert {touch.span for touch in busy} == {rows[0], rows[2], rows[3]}
        assert len(occurrences.busy(c, mine, 9 * NOW, 10 * NOW, limit=7)) == 7
    with store.write() as c:
        row = objects.get(c, object_id)
        assert [one.id for one in occurrences.due(c, before_ms=2, limit=1)] == [object_id]
        (due,) = occurrences.due(c, before_ms=2, limit=1)
        assert objects.hide(c, row)
        assert occurrences.busy(c, mine, 0, 10, limit=10) == []
        assert not occurrences.renew(
            c, due, Spans((), 5, (3, 4))
        )  # the object changed since it was looked at
        assert occurrences.of_object(c, object_id) == rows
        (due,) = occurrences.due(c, before_ms=2, limit=1)
        assert occurrences.renew(c, due, Spans(rows[:1], 5, (3, 4)))
        now = objects.get(c, object_id)
        assert (now.starts_ms, now.ends_ms, now.revision) == (3, 4, row.revision + 1)
        assert [one.id for one in occurrences.due(c, before_ms=2, limit=9)] == [other]
        objects.remove(c, object_id)
        assert occurrences.of_object(c, object_id) == ()


def test_objects_of_an_earlier_version_are_looked_at_until_they_are_indexed(tmp_path):
    old = Store(f"sqlite:///{tmp_path}/old.db")
    config = AlembicConfig()
    config.set_main_option("script_location", str(MIGRATIONS))
    with old.write() as c:
        config.attributes["connection"] = c
        command.upgrade(config, "0002")
    mine = collection(old)
    with old.write() as c:
        c.execute(
            sa.text(
                "INSERT INTO object (collection_id, href, uid, text, starts_ms, ends_ms) VALUES (:c, 'a', 'u', 'T', :s, :e)"
            ),
            {"c": mine, "s": NOW, "e": NOW + 1},
        )
    old.migrate()
    with old.read() as c:
        (due,) = occurrences.due(c, before_ms=1, limit=9)
        assert occurrences.of_object(c, due.id) == unread((NOW, NOW + 1)).rows
        assert occurrences.touching(c, mine, NOW, NOW + 1) == {due.id: 2}
    old.close()


def test_links_of_no_source_are_none(store):
    with store.read() as c:
        found = people.links_stale(c, [], before_ms=NOW, works_ms=NOW, anyway_ms=NOW, count=20)
    assert found == []
