"""What we rely on in Radicale 3.9, and what it may rely on in us. A new release that moves any of it fails here."""

import inspect
import itertools
import logging
import threading
import time
import xml.etree.ElementTree as ET

import pytest
from davkit import NS, event
from radicale import auth, config, rights, storage
from radicale import item as radicale_item
from radicale.app import Application
from radicale.app.base import Access

import radicale_plugin
from radicale_plugin.app import DavApplication
from radicale_plugin.collection import Calendar, PlainCollection
from radicale_plugin.context import READ_ONLY_GROUP
from radicale_plugin.locks import PathLocks
from radicale_plugin.rights import Rights
from radicale_plugin.setup import shipped
from radicale_plugin.storage import Storage, storage_with

HANDLERS = [
    "DELETE",
    "GET",
    "HEAD",
    "MKCALENDAR",
    "MKCOL",
    "MOVE",
    "OPTIONS",
    "POST",
    "PROPFIND",
    "PROPPATCH",
    "PUT",
    "REPORT",
]


def parameters(function):
    return list(inspect.signature(function).parameters)


@pytest.mark.parametrize("method", HANDLERS)
def test_radicales_handlers_have_the_signature_that_ours_have(method):
    expected = ["self", "environ", "base_prefix", "path", "user", "user_groups", "request_info"]
    assert parameters(getattr(Application, f"do_{method}")) == expected
    assert parameters(getattr(DavApplication, f"do_{method}")) == expected


def test_every_method_we_offer_has_a_handler_of_ours():
    from radicale_plugin.respond import METHODS

    for method in METHODS:
        assert f"do_{method}" in vars(DavApplication)
    assert {name[3:] for name in dir(Application) if name.startswith("do_")} - METHODS == set()


@pytest.mark.parametrize(
    ("base", "ours", "names"),
    [
        (storage.BaseStorage, Storage, ["discover", "move", "create_collection", "acquire_lock", "verify"]),
        (storage.BaseCollection, Calendar, ["get_meta", "set_meta", "sync", "get_multi", "get_all", "get_filtered", "has_uid",
                                            "upload", "delete", "serialize"]),
        (storage.BaseCollection, PlainCollection, ["get_meta", "set_meta", "get_multi", "get_all", "get_filtered", "has_uid",
                                                   "upload", "delete", "serialize"]),
        (rights.BaseRights, Rights, ["authorization"]),
        (auth.BaseAuth, radicale_plugin.Auth, ["_login_ext_with_groups"]),
    ],
)  # fmt: skip
def test_our_plugins_have_the_signatures_of_the_base_classes(base, ours, names):
    for name in names:
        assert parameters(getattr(ours, name)) == parameters(getattr(base, name)), name


def test_the_base_classes_ask_for_nothing_that_we_do_not_have():
    for base, ours in ((storage.BaseCollection, Calendar), (storage.BaseStorage, Storage)):
        unfinished = {
            name
            for name, member in vars(base).items()
            if "NotImplementedError" in _source(member) and name not in vars(ours)
        }
        assert unfinished == set()
    for flag in (
        "_supports_unicode",
        "_supports_trailing_whitespace",
        "_supports_problematic_chars",
        "_is_collision_free",
    ):
        assert getattr(storage.BaseStorage, flag) is False
        assert getattr(Storage, flag) is True


def _source(member):
    target = member.fget if isinstance(member, property) else member
    return inspect.getsource(target) if inspect.isfunction(target) else ""


def test_the_other_things_we_use_are_where_they_were():
    assert parameters(Access.__init__)[1:5] == ["rights", "user", "user_groups", "path"]
    assert parameters(radicale_item.Item.__init__)[1:] == [
        "collection_path", "collection", "vobject_item", "href", "last_modified", "text", "etag", "uid", "name",
        "component_name", "time_range"]  # fmt: skip
    assert parameters(Application._handle_request) == ["self", "environ"]


def test_the_shipped_configuration_switches_off_what_harms(service):
    made = shipped(service, object_bytes_max=1000, body_bytes_max=2000)
    assert made.get("auth", "delay") == 0
    assert made.get("server", "delay_on_error") == 0
    assert made.get("server", "validate_path_value") == "none"
    assert made.get("rights", "permit_delete_collection") is False
    assert made.get("rights", "permit_overwrite_collection") is False
    assert made.get("server", "max_resource_size") == 1000
    assert made.get("storage", "predefined_collections") == {}
    assert made.get("web", "type") == made.get("hook", "type") == "none"
    application = DavApplication(made, service, object_bytes_max=1000, hosts=[])
    assert application._max_resource_size == 1000
    assert not application._sharing._enabled


# ---- storage, as Radicale calls it ------------------------------------------------------------------------------


@pytest.fixture
def disk(service):
    made = config.load(())
    made.update({"storage": {"type": storage_with(service)}}, "test", privileged=True)
    return Storage(made, service)


def paths(found):
    return [
        one.path if isinstance(one, storage.BaseCollection) else f"{one.collection.path}/{one.href}"
        for one in found
    ]


def test_discover_names_first_what_was_asked_for_and_then_its_children(disk, service):
    service.seed(1, "a.ics", event("a"))
    assert paths(disk.discover("/")) == [""]
    assert paths(disk.discover("/alice/")) == paths(disk.discover("/alice")) == ["alice"]
    assert paths(disk.discover("/alice/", "1")) == ["alice", "alice/work", "alice/second", "alice/team"]
    assert paths(disk.discover("/alice/work/", "infinity")) == ["alice/work", "alice/work/a.ics"]
    assert paths(disk.discover("/alice/work/a.ics")) == ["alice/work/a.ics"]
    for nothing in ("/nobody/", "/alice/none/", "/alice/work/none.ics", "/alice/work/a/b", "/nobody/x/y"):
        assert paths(disk.discover(nothing, "1")) == []


def test_discover_looks_for_children_only_when_they_are_wanted(disk, service):
    for path in ("/alice/", "/alice/work/"):
        next(iter(disk.discover(path, "1")))
    assert not {"collections", "get_all"} & set(service.calls)


def test_the_root_lists_only_who_is_asking(disk):
    with disk.acquire_lock("r", "alice"):
        assert paths(disk.discover("/", "1")) == ["", "alice"]
    assert paths(disk.discover("/", "1")) == [""]


def test_a_principal_look_up_never_fails(disk, service):
    service.refusals["has_user"] = RuntimeError("the database is down")
    assert paths(disk.discover("/alice/")) == ["alice"]


def test_children_are_wrapped_where_radicale_asks_for_it(disk, service):
    service.seed(1, "a.ics", event("a"))
    seen = []

    class Wrap:
        def __init__(self, path, href):
            self.name = (path, href)

        def __enter__(self):
            seen.append(self.name)

        def __exit__(self, *_):
            pass

    assert len(list(disk.discover("/alice/work/", "1", Wrap))) == 2
    assert seen == [("/alice/work", "a.ics")]


def test_a_collection_is_a_snapshot(disk, service):
    calendar = next(iter(disk.discover("/alice/work/")))
    before = (calendar.etag, calendar.sync()[0], dict(calendar.get_meta()), calendar.last_modified)
    service.seed(1, "a.ics", event("a"))
    service.set_props(1, {"D:displayname": "New"}, None)
    assert (calendar.etag, calendar.sync()[0], dict(calendar.get_meta()), calendar.last_modified) == before
    again = next(iter(disk.discover("/alice/work/")))
    assert again.etag != before[0]
    assert again.sync()[0] != before[1]


def test_a_token_alone_costs_no_look_at_the_objects(disk, service):
    calendar = next(iter(disk.discover("/alice/work/")))
    calendar.sync()
    assert not {"changes", "get_all", "get_many"} & set(service.calls)


def test_sync_refuses_a_bad_token_in_the_way_radicale_understands(disk):
    calendar = next(iter(disk.discover("/alice/work/")))
    with pytest.raises(ValueError, match="nonsense"):
        calendar.sync("nonsense")


def test_get_multi_takes_a_generator_with_doubles_and_asks_once(disk, service):
    for name in "ab":
        service.seed(1, f"{name}.ics", event(name))
    calendar = next(iter(disk.discover("/alice/work/")))
    names = itertools.chain(["a.ics", "none.ics"], iter(["b.ics", "a.ics"]))
    found = {name: item and item.uid for name, item in calendar.get_multi(names)}
    assert found == {"a.ics": "a", "b.ics": "b", "none.ics": None}
    assert service.calls.count("get_many") == 1
    assert list(calendar.get_multi(())) == []


def test_an_item_is_looked_up_and_not_parsed(disk, service, monkeypatch):
    service.seed(1, "a.ics", event("a", "RRULE:FREQ=DAILY"))
    monkeypatch.setattr("vobject.readOne", lambda *_: pytest.fail("parsed"))
    item = next(iter(disk.discover("/alice/work/a.ics")))
    assert (item.uid, item.name, item.component_name) == ("a", "VCALENDAR", "VEVENT")
    assert item.serialize() == event("a", "RRULE:FREQ=DAILY")
    assert item.etag == f'"{service.get(1, "a.ics").etag}"'
    assert item.time_range == (1780362000, radicale_item.filter.TIMESTAMP_MAX)
    assert item.last_modified.endswith("GMT")


def test_filters_are_judged_finally_and_by_time(disk, service):
    service.seed(1, "a.ics", event("a"))
    service.seed(1, "b.ics", event("b", start="20270602T010000Z", end="20270602T020000Z"))
    xml = ET.fromstring(
        f'<C:filter xmlns:C="{NS["C"]}"><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT">'
        '<C:time-range start="20260601T000000Z" end="20260701T000000Z"/></C:comp-filter></C:comp-filter></C:filter>'
    )
    calendar = next(iter(disk.discover("/alice/work/")))
    assert [(item.href, sure) for item, sure in calendar.get_filtered([xml])] == [("a.ics", True)]
    assert "get_all" not in service.calls
    xml[0][0].set("name", "VTODO")
    assert list(calendar.get_filtered([xml])) == []
    assert [item.href for item, _ in calendar.get_filtered([])] == ["a.ics", "b.ics"]


def test_properties_are_changed_by_their_difference_and_the_tag_never(disk, service):
    calendar = next(iter(disk.discover("/alice/work/")))
    merged = {**calendar.get_meta(), "ICAL:calendar-color": "#FF0000", "tag": "VADDRESSBOOK"}
    del merged["D:displayname"]
    calendar.set_meta(merged)
    again = next(iter(disk.discover("/alice/work/")))
    assert again.tag == again.get_meta("tag") == "VCALENDAR"
    assert dict(service.collection("alice", "work").props) == {"ICAL:calendar-color": "#FF0000"}
    assert again.get_meta("C:supported-calendar-component-set") == "VEVENT"


def test_two_storage_objects_share_their_locks_and_readers_never_wait(disk, service):
    other = Storage(disk.configuration, service)
    order = []

    def write(which, path):
        with which.acquire_lock("w", "alice", path=path, request="PUT", actor="alice"):
            order.append(path)

    with disk.acquire_lock("w", "alice", path="/alice/work/a.ics", request="PUT", actor="alice"):
        same = threading.Thread(target=write, args=(other, "/alice/work/a.ics"))
        same.start()
        write(other, "/alice/work/b.ics")
        with other.acquire_lock("r", "bob"):
            pass
        with other.acquire_lock("w", "bob", actor="bob"):
            pass
        time.sleep(0.05)
        assert order == ["/alice/work/b.ics"]
    same.join(5)
    assert order == ["/alice/work/b.ics", "/alice/work/a.ics"]


def test_two_movers_in_opposite_directions_do_not_block_each_other():
    locks = PathLocks()

    def move(paths):
        for _ in range(200):
            with locks.holding(paths):
                pass

    threads = [
        threading.Thread(target=move, args=(paths,)) for paths in (["/a", "/b"], ["/b", "/a"], ["/a/", "/a"])
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join(10)
        assert not one.is_alive()
    assert locks._held == {}


def test_rights_are_those_of_the_owner(service):
    made = Rights(config.load(()), service)
    expected = {
        "/": "R",
        "/alice/": "R",
        "/alice/work/": "rwdo",
        "/alice/team/": "r",
        "/alice/new/": "rwdo",
        "/alice/work/a.ics": "",
        "/bob/": "",
        "/bob/home/": "",
    }
    assert {path: made.authorization("alice", set(), path) for path in expected} == expected
    assert made.authorization("alice", {READ_ONLY_GROUP}, "/alice/work/") == "r"
    assert made.authorization("", set(), "/") == ""
    service.calls.clear()
    for _ in range(1000):
        made.authorization("alice", set(), "/alice/work/")
    assert service.calls.count("collection") <= 1


# ---- no waiting ---------------------------------------------------------------------------------------------------


def test_no_answer_is_delayed_on_purpose(box, dav, monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda *_: pytest.fail("slept"))
    box.service.refusals["put"] = RuntimeError()
    answers = [
        box.client(user="")("PROPFIND", "/dav/alice/"),
        box.client("alice", "wrong")("PROPFIND", "/dav/alice/"),
        dav("PROPFIND", "/dav/bob/"),
        dav.sync("/dav/alice/work/", "nonsense"),
        dav.put("/dav/alice/work/a.ics", event()),
    ]
    assert [one.status for one in answers] == [401, 401, 403, 403, 500]


def test_radicale_says_nothing_about_our_requests(box, dav, caplog):
    caplog.set_level(logging.DEBUG, "radicale")
    dav.propfind("/dav/alice/work/", "D:displayname")
    dav("GET", "/dav/alice/work/none.ics")
    assert [record for record in caplog.records if record.name == "radicale"] == []
