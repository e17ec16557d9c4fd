"""Finding people without being punished for misses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bridge.errors import Missing, Throttled, Unauthorised
from bridge.providers.base import DirectoryEntry
from bridge.providers.wecom.directory import HIT_TTL_S, MISS_TTL_S, MISSES_MAX, MISSES_WINDOW_S

if TYPE_CHECKING:
    from collections.abc import Callable


def lookups(bench: Any) -> int:
    return len(bench.calls("get_userid_by_email"))


def test_a_corporate_address_is_found_by_one_call_and_remembered(bench: Any) -> None:
    person = bench.control("state", {})["people"]["lisi"]
    corporate, personal = person["biz_mail"], person["email"]
    for address, calls in ((corporate, 1), (personal, 2)):
        found = bench.provider.lookup([address])[address]
        assert found is not None
        assert found.id == "lisi"
        assert lookups(bench) == calls
        bench.provider.lookup([address])
        assert lookups(bench) == 0
    bench.clock.sleep(HIT_TTL_S)
    bench.provider.lookup([corporate])
    assert lookups(bench) == 1


def test_a_stranger_is_asked_for_once_and_again_after_some_hours(bench: Any) -> None:
    for _ in range(3):
        assert bench.provider.lookup(["x@elsewhere.com"]) == {"x@elsewhere.com": None}
    assert lookups(bench) == 2
    bench.clock.sleep(MISS_TTL_S)
    bench.provider.lookup(["x@elsewhere.com"])
    assert lookups(bench) == 2


def test_nonsense_and_addresses_of_our_own_making_are_not_asked_for(bench: Any) -> None:
    nonsense = ["", "x", "@x", "x@", "a b@c.d", "x" * 250 + "@y.zz"]
    assert bench.provider.lookup(nonsense) == dict.fromkeys(nonsense)
    assert bench.provider.lookup(["lisi@wecom.queqiao.invalid"]) == {}
    assert lookups(bench) == 0


def test_misses_an_hour_are_bounded(make_bench: Callable[..., Any]) -> None:
    bench = make_bench({"lookup_misses_per_day": 100_000})
    addresses = [f"s{number}@elsewhere.com" for number in range(MISSES_MAX)]
    found = bench.provider.lookup(addresses)
    assert lookups(bench) <= MISSES_MAX + 1
    assert set(found.values()) == {None}
    assert len(found) < len(addresses)
    bench.clock.sleep(MISSES_WINDOW_S)
    later = "someone@elsewhere.com"
    assert bench.provider.lookup([later]) == {later: None}


def test_the_vendors_own_bound_on_misses_is_obeyed(make_bench: Callable[..., Any]) -> None:
    bench = make_bench({"lookup_misses_per_day": 3})
    with pytest.raises(Throttled):
        bench.provider.lookup([f"s{number}@elsewhere.com" for number in range(10)])
    bench.calls()
    with pytest.raises(Throttled):
        bench.provider.lookup(["another@elsewhere.com"])
    assert lookups(bench) == 0


def test_a_refused_permission_is_not_taken_for_a_stranger(bench: Any) -> None:
    bench.fault("error", match="get_userid_by_email", code=48002)
    with pytest.raises(Unauthorised):
        bench.provider.lookup(["lisi@example.com"])
    assert bench.provider.lookup(["x@elsewhere.com"]) == {"x@elsewhere.com": None}


def test_somebody_outside_the_visible_range_is_a_stranger(make_bench: Callable[..., Any]) -> None:
    bench = make_bench(secret="narrow")
    person = bench.control("state", {})["people"]
    zhaoliu, lisi = person["zhaoliu"]["email"], person["lisi"]["email"]
    found = bench.provider.lookup([zhaoliu, lisi])
    assert found[zhaoliu] is None
    assert found[lisi] is not None


def test_people_are_told_by_name_and_the_unknown_are_missing(bench: Any) -> None:
    found = bench.provider.people(["lisi", "nobody", "wangwu", "lisi"])
    assert {key: entry.name for key, entry in found.items()} == {"lisi": "李四", "wangwu": "王五"}
    bench.calls()
    bench.provider.people(["lisi", "nobody", "wangwu"])
    assert bench.calls() == []


def test_fields_that_new_apps_are_not_told_may_be_missing(bench: Any) -> None:
    bench.fault("status", match="user/get", status=200, body='{"errcode":0,"errmsg":"ok"}')
    assert bench.provider.people(["lisi"]) == {"lisi": DirectoryEntry(id="lisi", name="")}


def test_addresses_are_lower_case_and_the_corporate_one_comes_first(bench: Any) -> None:
    body = '{"errcode":0,"userid":"lisi","name":"L","email":"Li@X.cn","biz_mail":"LISI@corp.cn"}'
    bench.fault("status", match="user/get", status=200, body=body)
    assert bench.provider.people(["lisi"])["lisi"].emails == ("lisi@corp.cn", "li@x.cn")


def test_an_id_is_resolved_to_the_spelling_of_the_directory(bench: Any) -> None:
    entry = bench.provider.resolve_user("LiSi")
    assert (entry.id, entry.name) == ("lisi", "李四")


def test_an_address_is_resolved_as_well(bench: Any) -> None:
    assert bench.provider.resolve_user("Lisi@Example.com").id == "lisi"


@pytest.mark.parametrize("vendor_id", ["nobody", "nobody@elsewhere.com"])
def test_an_id_that_nobody_has_is_missing(bench: Any, vendor_id: str) -> None:
    with pytest.raises(Missing):
        bench.provider.resolve_user(vendor_id)


@pytest.mark.parametrize("code", [48001, 48002, 48004])
def test_an_app_that_may_not_read_the_directory_takes_the_id_as_it_is(bench: Any, code: int) -> None:
    bench.fault("error", match="user/get", code=code)
    assert bench.provider.resolve_user("lisi") == DirectoryEntry(id="lisi", name="")


def test_an_untrusted_address_is_not_hidden_by_that(bench: Any) -> None:
    bench.fault("error", match="user/get", code=60020)
    with pytest.raises(Unauthorised):
        bench.provider.resolve_user("lisi")
