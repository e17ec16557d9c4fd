"""Backup, restore, verify, migrate: on real files, a real PostgreSQL, and with a vendor that went on meanwhile."""

from __future__ import annotations

import os
import secrets
import sqlite3
from contextlib import closing

import pytest
import sqlalchemy as sa
from world import DingTalkSide, WeComSide, World, day, ics, vevent

from bridge.config import Config, Database
from bridge.daemon import custody
from bridge.daemon.lock import DaemonLock, InUse
from bridge.daemon.restore import restore
from bridge.engine.api import SyncTokenInvalid
from bridge.errors import BadInput, BridgeError
from bridge.store.copying import clear, copy_rows, count_rows
from bridge.store.engine import SchemaError, Store

NOW_MS = 1_800_000_000_000
POSTGRES = os.environ.get("BRIDGE_TEST_POSTGRES", "")


@pytest.fixture(params=[WeComSide, DingTalkSide], ids=["wecom", "dingtalk"])
def world(request, tmp_path):
    made = World(request.param, tmp_path)
    yield made
    made.close()


def text(uid, offset, title="Planning"):
    return ics(vevent(uid, day(offset), day(offset, 11), "CATEGORIES:kept", summary=title))


def restored(world, file):
    world.parts.close()
    done = restore(world.config, file, now_ms=world.parts.engine.clock.now_ms())
    world.open()
    return done


def test_a_backup_brings_back_every_text_and_every_earlier_sync_token(world, tmp_path):
    world.put("one.ics", text("one", 0))
    before = world.collection
    world.put("two.ics", text("two", 1))
    at = world.collection
    counts = custody.backup(world.config, tmp_path / "b.queqiao")
    assert counts["object"] == 2
    assert (tmp_path / "b.queqiao").stat().st_mode & 0o777 == 0o600
    texts = {href: world.service.get(at.id, href) for href in ("one.ics", "two.ics")}
    world.put("three.ics", text("three", 2))
    after = world.collection
    done = restored(world, tmp_path / "b.queqiao")
    assert done.problems == 0
    assert {href: world.service.get(at.id, href) for href in texts} == texts
    assert world.service.get(at.id, "three.ics") is None
    now = world.collection
    assert world.service.changes(now, before.sync_token) == (["two.ics"], [])
    assert world.service.changes(now, at.sync_token) == ([], [])
    with pytest.raises(SyncTokenInvalid):
        world.service.changes(now, after.sync_token)
    assert now.etag not in (before.etag, at.etag, after.etag)
    # What the backup did not know comes back from the vendor, once.
    world.sync(full=True)
    assert world.side.titles() == ["Planning"] * 3
    assert len(world.service.get_all(now.id)) == 3
    world.put("four.ics", text("four", 3))
    changed, gone = world.service.changes(world.collection, at.sync_token)
    assert len(changed) == 2
    assert list(gone) == []


def test_an_edit_that_waited_in_the_backup_and_arrived_since_is_not_made_again(world, tmp_path):
    world.fault(kind="error", code="-1" if world.side.source == "wecom" else "ServiceUnavailable", status=503,
                match=world.side.write_match, count=1, when="before")  # fmt: skip
    assert world.put("w.ics", text("w", 0, "Waiting")).waiting or world.receipts()
    custody.backup(world.config, tmp_path / "b.queqiao")
    world.side.box.faults.clear()
    world.carry()
    assert world.side.titles() == ["Waiting"]
    restored(world, tmp_path / "b.queqiao")
    world.carry()
    assert world.side.titles() == ["Waiting"]
    world.sync(full=True)
    assert world.text("w.ics") == text("w", 0, "Waiting")
    assert len(world.service.get_all(world.collection.id)) == 1


@pytest.mark.parametrize("then", ["edited", "deleted"])
def test_what_waited_in_the_backup_is_found_before_the_next_edit_of_it_leaves(world, tmp_path, then):
    world.fault(kind="error", code="-1" if world.side.source == "wecom" else "ServiceUnavailable", status=503,
                match="", count=-1, when="before")  # fmt: skip
    assert world.put("w.ics", text("w", 0, "Waiting")).waiting
    world.rest()
    with world.parts.engine.store.write() as c:  # as if the node had died before anything left
        c.execute(sa.text("UPDATE intent SET step = NULL"))
    custody.backup(world.config, tmp_path / "b.queqiao")
    world.side.box.faults.clear()
    world.carry()
    assert world.side.titles() == ["Waiting"]
    restored(world, tmp_path / "b.queqiao")
    if then == "edited":
        world.put("w.ics", text("w", 0, "Edited"))
    else:
        world.delete("w.ics")
    world.carry()
    world.sync(full=True)
    expected = ["Edited"] if then == "edited" else []
    assert world.side.titles() == expected
    assert len(world.service.get_all(world.collection.id)) == len(expected)


def test_nothing_is_changed_by_a_rehearsal_a_damaged_file_or_beside_a_daemon(world, tmp_path):
    world.put("one.ics", text("one", 0))
    file = tmp_path / "b.queqiao"
    custody.backup(world.config, file)
    state = world.dump()
    with pytest.raises(BadInput, match="exists"):
        custody.backup(world.config, file)
    assert restore(world.config, file, now_ms=NOW_MS, rehearse=True).counts["object"] == 1
    lock = DaemonLock(world.config.database.url)
    with pytest.raises(InUse):
        restore(world.config, file, now_ms=NOW_MS)
    lock.close()
    raw = bytearray(file.read_bytes())
    for size in (0, 100, 5000):
        (tmp_path / "cut.queqiao").write_bytes(bytes(raw[:size]))
        with pytest.raises(BadInput, match="no backup"):
            restore(world.config, tmp_path / "cut.queqiao", now_ms=NOW_MS)
    with pytest.raises(BadInput, match="no backup"):  # a database of ours is not yet a backup
        restore(world.config, tmp_path / "queqiao.db", now_ms=NOW_MS)
    with pytest.raises(BadInput, match="no file"):
        restore(world.config, tmp_path / "absent", now_ms=NOW_MS)
    assert world.dump() == state
    assert [p.name for p in tmp_path.glob("*rehearsal*")] == []


def test_the_former_database_lies_beside_the_restored_one(world, tmp_path):
    world.put("one.ics", text("one", 0))
    custody.backup(world.config, tmp_path / "b.queqiao")
    world.put("two.ics", text("two", 1))
    done = restored(world, tmp_path / "b.queqiao")
    with closing(sqlite3.connect(done.kept_as)) as raw:
        assert raw.execute("SELECT COUNT(*) FROM object").fetchone() == (2,)


@pytest.mark.skipif(not POSTGRES, reason="BRIDGE_TEST_POSTGRES names no server; .ci/run starts one")
def test_one_backup_serves_both_databases(world, tmp_path):
    world.put("one.ics", text("one", 0))
    file = tmp_path / "b.queqiao"
    counts = custody.backup(world.config, file)
    name = f"q{secrets.token_hex(6)}"
    admin = sa.create_engine(POSTGRES, isolation_level="AUTOCOMMIT")
    with admin.connect() as c:
        c.execute(sa.text(f"CREATE DATABASE {name}"))
    url = sa.make_url(POSTGRES).set(database=name).render_as_string(hide_password=False)
    config = Config(database=Database(url=url), source=world.config.source, sync=world.config.sync)
    try:
        other = Store(url)
        other.migrate()
        with pytest.raises(BridgeError, match="connected"):
            restore(config, file, now_ms=NOW_MS)
        other.close()
        done = restore(config, file, now_ms=NOW_MS)
        assert {k: v for k, v in done.counts.items() if k != "meta"} == {
            k: v for k, v in counts.items() if k != "meta"
        }
        world.parts.close()
        sqlite_config, world.config = world.config, config
        world.open()
        assert world.text("one.ics") == text("one", 0)
        world.put("two.ics", text("two", 1))  # numbers go on after the copied rows
        world.sync(full=True)
        assert len(world.side.titles()) == 2
        custody.backup(config, tmp_path / "p.queqiao")
        world.parts.close()
        restore(sqlite_config, tmp_path / "p.queqiao", now_ms=NOW_MS)
        world.config = sqlite_config
        world.open()
        assert world.text("two.ics") == text("two", 1)
    finally:
        world.parts.close()
        world.open()
        with admin.connect() as c:
            c.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
        admin.dispose()


CORRUPTIONS = {
    "etag": ("UPDATE object SET etag = 'ffff' WHERE href = 'one.ics'", "column"),
    "span": ("UPDATE object SET starts_ms = 0, ends_ms = 1 WHERE href = 'one.ics'", "column"),
    "series flag": ("UPDATE object SET recurring = 1 WHERE href = 'one.ics'", "column"),
    "times": ("UPDATE occurrence SET starts_ms = starts_ms + 1", "times"),
    "no times": ("DELETE FROM occurrence", "times"),
    "UID": ("UPDATE object SET uid = 'other' WHERE href = 'one.ics'", "column"),
    "text": ("UPDATE object SET text = 'BEGIN:VCALENDAR' WHERE href = 'one.ics'", "text"),
    "sequence": ("UPDATE collection SET change_seq = 0, floor_seq = 0", "sequence"),
    "history": ("UPDATE collection SET floor_seq = 999999", "history"),
    "tombstone": ("INSERT INTO tombstone SELECT collection_id, href, 1, 1 FROM object", "tombstone"),
    "hidden": ("UPDATE object SET deleted = 1 WHERE href = 'one.ics'", "hidden"),
    "item elsewhere": ("PRAGMA foreign_keys = OFF; UPDATE item SET collection_id = 77", "item"),
    "snapshot": ("UPDATE item SET snapshot = '{\"a\":'", "item"),
    "open and closed": ("UPDATE intent SET state = 'waiting'", "edit"),
    "receipt without time": ("UPDATE intent SET closed_ms = 0", "edit"),
    "edit without text": ("UPDATE intent SET state = 'waiting', closed_ms = 0, client_text = NULL", "edit"),
    "losses": ("UPDATE intent SET losses = '['", "edit"),
    "held": ("UPDATE calendar SET held = ''", "held"),
    "properties": ("UPDATE collection SET props = 'no'", "properties"),
    "epoch": ("DELETE FROM meta WHERE key = 'epoch'", "key"),
    "password hash": ("UPDATE password SET hash = 'plain'", "hash"),
    "orphan": ("PRAGMA foreign_keys = OFF; DELETE FROM calendar", "reference"),
}
NOT_MENDED = {
    "edit state": ("UPDATE intent SET state = 'gone'", "edit"),
    "step": ("UPDATE intent SET step = '{}'", "step"),
    "pepper": ("DELETE FROM meta WHERE key = 'pepper'", "key"),
}


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sound")
    world = World(WeComSide, folder)
    world.put("one.ics", text("one", 0))
    world.put("two.ics", text("two", 1))
    world.delete("two.ics")
    custody.backup(world.config, folder / "b.queqiao")
    yield world.config, folder / "b.queqiao"
    world.close()


def planted(sound, folder, statement):
    config, file = sound
    config = Config(
        database=Database(url=f"sqlite:///{folder}/planted.db"), source=config.source, sync=config.sync
    )
    restore(config, file, now_ms=NOW_MS)
    assert custody.verify(config, repair=False) == []
    with closing(sqlite3.connect(folder / "planted.db")) as raw:
        raw.executescript(statement)
        raw.commit()
    return config


@pytest.mark.parametrize(("statement", "check"), CORRUPTIONS.values(), ids=CORRUPTIONS)
def test_a_planted_corruption_is_found_and_mended(sound, tmp_path, statement, check):
    config = planted(sound, tmp_path, statement)
    found = custody.verify(config, repair=False)
    assert check in {one.check for one in found}
    assert all("Planning" not in one.words + one.where for one in found)
    assert custody.verify(config, repair=False) == found  # looking changes nothing
    custody.verify(config, repair=True)
    custody.verify(config, repair=True)  # what hung on a mended row comes to light once it is mended
    assert custody.verify(config, repair=False) == []


@pytest.mark.parametrize(("statement", "check"), NOT_MENDED.values(), ids=NOT_MENDED)
def test_what_only_a_person_can_mend_is_told_and_left(sound, tmp_path, statement, check):
    config = planted(sound, tmp_path, statement)
    found = custody.verify(config, repair=True)
    assert next((one.check, one.mended) for one in found if not one.mended) == (check, False)
    assert [one.check for one in custody.verify(config, repair=False)] == [one.check for one in found]


def test_a_damaged_page_is_found(sound, tmp_path):
    config = planted(sound, tmp_path, "PRAGMA wal_checkpoint(TRUNCATE)")
    path = tmp_path / "planted.db"
    raw = bytearray(path.read_bytes())
    for page in range(3, len(raw) // 4096):
        raw[page * 4096 + 8 : page * 4096 + 200] = b"\xff" * 192
    path.write_bytes(bytes(raw))
    assert {one.check for one in custody.verify(config, repair=False)} == {"file"}


def test_every_table_is_in_a_backup_but_those_of_the_moment(tmp_path):
    one, two = Store(f"sqlite:///{tmp_path}/1.db"), Store(f"sqlite:///{tmp_path}/2.db")
    for store in (one, two):
        store.migrate()
    with one.write() as c, two.write() as other:
        c.exec_driver_sql("INSERT INTO token VALUES ('t', 'secret', 1)")
        c.exec_driver_sql("INSERT INTO meta VALUES ('k', 'v')")
        counts = copy_rows(c, other)
        assert counts == count_rows(other) == count_rows(c)
        assert counts["meta"] == 1
        assert other.exec_driver_sql("SELECT COUNT(*) FROM token").scalar() == 0
        clear(other)
        assert set(count_rows(other).values()) == {0}
    one.close()
    two.close()


def test_migrate_copies_first_and_refuses_a_newer_schema(tmp_path):
    config = Config(database=Database(url=f"sqlite:///{tmp_path}/q.db"))
    done, copy = custody.migrate(config, now_ms=NOW_MS)
    assert copy == ""
    assert custody.migrate(config, now_ms=NOW_MS) == (f"schema {done.rsplit(' ', 1)[-1]} is current", "")
    with closing(sqlite3.connect(tmp_path / "q.db")) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
        raw.commit()
    before = (tmp_path / "q.db").read_bytes()
    for act in (
        lambda: custody.migrate(config, now_ms=NOW_MS),
        lambda: custody.backup(config, tmp_path / "b"),
        lambda: custody.verify(config, repair=True),
    ):
        with pytest.raises(SchemaError, match="newer"):
            act()
    assert (tmp_path / "q.db").read_bytes() == before
    assert not (tmp_path / "b").exists()
