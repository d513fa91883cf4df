"""Laws of the places, over random histories, and the order in single cases."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from cc_executor.model.places import GROWING_S, MEMORY, SLOT, Applicant, Places

MIB = 1 << 20
OWNERS = ("ann", "bob", "cy")

#: What happens: somebody comes, or somebody with a place leaves (the one at this index).
STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from(OWNERS), st.integers(-3, 3), st.sampled_from((0, 100 * MIB, 900 * MIB))
        ),
        st.integers(0, 50),
    ),
    max_size=60,
)


def applicant(ident: str, owner: str = "ann", priority: int = 0, memory: int = 0) -> Applicant:
    return Applicant(ident, owner, priority, memory)


def asked(places: Places, *applicants: Applicant) -> Places:
    for one in applicants:
        places.ask(one)
    return places


@given(st.integers(1, 5), STEPS, st.one_of(st.none(), st.integers(0, 4096 * MIB)))
def test_never_more_than_all_places_are_taken_and_everybody_gets_one_in_the_end(
    most: int, steps: list[tuple[str, int, int] | int], memory: int | None
) -> None:
    places = Places(most)
    waiting: set[str] = set()
    inside: list[str] = []
    for number, step in enumerate(steps):
        if isinstance(step, tuple):
            places.ask(Applicant(str(number), *step))
            waiting.add(str(number))
        elif inside:
            places.leave(inside.pop(step % len(inside)))
        admitted = places.admit(float(number), memory_bytes=memory)
        waiting -= set(admitted)
        inside += admitted
        assert len(inside) == places.taken <= most
        assert places.waiting == len(waiting)
        assert inside or not waiting  # with nothing running, one is always let in
    while inside:
        places.leave(inside.pop())
        admitted = places.admit(1e6, memory_bytes=memory)
        waiting -= set(admitted)
        inside += admitted
    assert not waiting


@given(STEPS)
def test_an_owner_who_waits_never_has_two_places_less_than_one_who_was_let_in(
    steps: list[tuple[str, int, int] | int],
) -> None:
    places = Places(4)
    owner_of: dict[str, str] = {}
    inside: list[str] = []
    waiting: list[str] = []
    for number, step in enumerate(steps):
        if isinstance(step, tuple):
            owner_of[str(number)] = step[0]
            places.ask(Applicant(str(number), step[0], step[1], 0))
            waiting.append(str(number))
        elif inside:
            places.leave(inside.pop(step % len(inside)))
        for ident in places.admit(float(number), memory_bytes=None):
            held = Counter(owner_of[one] for one in inside)
            wanting = {owner_of[one] for one in waiting}
            assert held[owner_of[ident]] == min(held[owner] for owner in wanting)
            inside.append(ident)
            waiting.remove(ident)


@given(st.lists(st.integers(-9, 9), min_size=1, max_size=20))
def test_inside_one_owner_the_higher_priority_is_first_then_who_came_first(
    priorities: list[int],
) -> None:
    places = Places(1)
    for number, priority in enumerate(priorities):
        places.ask(applicant(str(number), priority=priority))

    order = []
    while places.waiting:
        (ident,) = places.admit(0.0, memory_bytes=None)
        order.append(int(ident))
        places.leave(ident)

    assert order == sorted(range(len(priorities)), key=lambda at: (-priorities[at], at))


def test_a_thousand_of_one_owner_do_not_keep_another_one_waiting() -> None:
    places = asked(Places(2), *(applicant(f"ann-{number}") for number in range(1000)))
    places.admit(0.0, memory_bytes=None)
    places.ask(applicant("bob", owner="bob", priority=-9))

    places.leave("ann-0")

    assert places.admit(1.0, memory_bytes=None) == ["bob"]


def test_owners_take_turns_where_there_is_one_place() -> None:
    places = asked(
        Places(1), *(applicant(f"{owner}-{n}", owner) for n in (1, 2) for owner in OWNERS)
    )

    order = []
    while places.waiting:
        order += places.admit(0.0, memory_bytes=None)
        places.leave(order[-1])

    assert order == ["ann-1", "bob-1", "cy-1", "ann-2", "bob-2", "cy-2"]


def test_who_has_fewer_places_is_first_even_if_it_was_the_last_to_get_one() -> None:
    places = Places(4)
    asked(places, *(applicant(f"ann-{n}") for n in (1, 2, 3)))
    places.admit(0.0, memory_bytes=None)
    asked(places, applicant("bob-1", "bob"))
    places.admit(0.0, memory_bytes=None)
    asked(places, applicant("ann-4"), applicant("bob-2", "bob"))

    places.leave("ann-1")

    assert places.admit(0.0, memory_bytes=None) == ["bob-2"]


def test_memory_is_reserved_until_who_was_let_in_has_grown() -> None:
    big = 600 * MIB
    places = asked(Places(None), applicant("one", memory=big), applicant("two", memory=big))

    assert places.admit(0.0, memory_bytes=1000 * MIB) == ["one"]
    assert places.reason() == MEMORY
    assert places.admit(GROWING_S / 10, memory_bytes=1000 * MIB) == []  # its memory is still free
    assert places.admit(GROWING_S, memory_bytes=1000 * MIB) == ["two"]


def test_nobody_who_needs_memory_overtakes_who_waits_for_it_and_who_needs_none_does() -> None:
    places = asked(Places(3), applicant("runs"))
    places.admit(0.0, memory_bytes=0)
    asked(
        places,
        applicant("big", memory=900 * MIB),
        applicant("small", memory=1),
        applicant("none"),
    )

    assert places.admit(1.0, memory_bytes=500 * MIB) == ["none"]
    assert places.admit(2.0, memory_bytes=1000 * MIB) == ["big"]
    assert places.reason() == SLOT


def test_with_nothing_running_one_is_let_in_whatever_it_needs() -> None:
    places = asked(
        Places(2), applicant("one", memory=900 * MIB), applicant("two", memory=900 * MIB)
    )

    assert places.admit(0.0, memory_bytes=1) == ["one"]
    assert places.admit(1.0, memory_bytes=1) == []


def test_who_is_there_already_has_a_place_even_where_none_is_free() -> None:
    places = Places(1)
    places.take(applicant("old"), 0.0)
    places.take(applicant("older"), 0.0)
    places.ask(applicant("new"))

    assert places.admit(0.0, memory_bytes=None) == []
    places.leave("old")
    assert places.admit(0.0, memory_bytes=None) == []
    places.leave("older")
    assert places.admit(0.0, memory_bytes=None) == ["new"]


def test_who_goes_away_while_it_waits_is_forgotten() -> None:
    places = asked(Places(1), applicant("gone"), applicant("stays"))
    places.leave("gone")
    places.leave("gone")

    assert places.admit(0.0, memory_bytes=None) == ["stays"]
