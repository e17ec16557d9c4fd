"""What holds of the brake on mass deletions, for any numbers."""

from hypothesis import given
from hypothesis import strategies as st

from bridge.plan.brake import EVENTS_MAX, View, is_mass, judge

EVENTS = st.frozensets(st.integers(0, 80), max_size=60)


@st.composite
def views(draw, *, held=EVENTS):
    kept, fresh = draw(held), draw(EVENTS)
    fresh -= kept
    more = draw(st.integers(0, 200))
    return View(served=len(kept | fresh) + more, held=kept, fresh=fresh)


UNTOUCHED = views(held=st.just(frozenset()))


@given(st.integers(0, 500), st.integers(0, 500))
def test_a_mass_is_more_than_ten_and_more_than_a_fifth(going, more):
    served = going + more
    assert is_mass(going, served) == (going > 10 and going > served / 5)


@given(st.integers(0, 500), st.integers(0, 500))
def test_one_deletion_more_never_makes_a_mass_harmless(going, more):
    served = going + more + 1
    assert is_mass(going + 1, served) or not is_mass(going, served)


@given(st.lists(UNTOUCHED, max_size=4))
def test_the_first_look_holds_everything_or_nothing(looked):
    verdict = judge(looked, release=False)
    assert verdict.pass_fresh != any(is_mass(len(v.fresh), v.served) for v in looked)


@given(st.lists(views(), min_size=1, max_size=4))
def test_nothing_passes_while_anything_is_held(looked):
    verdict = judge(looked, release=False)
    if any(v.held for v in looked):
        assert not verdict.pass_held
        assert not verdict.pass_fresh


@given(st.lists(views(), max_size=4))
def test_a_release_always_lets_pass_what_was_held(looked):
    assert judge(looked, release=True).pass_held


@given(views(), st.integers(0, 200))
def test_a_release_lets_no_other_mass_pass(view, more):
    verdict = judge([view], release=True)
    left = view.served - len(view.held)
    assert verdict.pass_fresh != is_mass(len(view.fresh), left)
    if len(view.fresh) <= EVENTS_MAX:
        assert verdict.pass_fresh


@given(st.lists(views(), max_size=4), st.booleans())
def test_the_order_of_the_views_does_not_matter(looked, release):
    assert judge(looked, release=release) == judge(looked[::-1], release=release)
