"""What `ports.journal.Owners` and `Ownership` promise."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from cc_executor.ports.journal import Owners

#: Returns what an engine with this id sees; all of a test's engines share their executions.
MakeOwners = Callable[[str], Owners]

#: Has another engine own this execution and die without a farewell, as `kill -9` has it.
DieAsOwner = Callable[[str], None]


class OwnersContract:
    """Subclass it and give it fixtures `make_owners` and `die_as_owner`."""

    def test_only_one_engine_owns_an_execution(self, make_owners: MakeOwners) -> None:
        lock = make_owners("one").acquire("e")

        assert lock is not None
        assert make_owners("two").acquire("e") is None
        assert make_owners("two").is_owned("e")
        lock.release()

    def test_an_engine_does_not_own_an_execution_twice(self, make_owners: MakeOwners) -> None:
        owners = make_owners("one")
        lock = owners.acquire("e")

        assert lock is not None
        assert owners.acquire("e") is None
        assert owners.is_owned("e")
        lock.release()
        assert not owners.is_owned("e")

    def test_whoever_was_refused_has_taken_nothing_away(self, make_owners: MakeOwners) -> None:
        lock = make_owners("one").acquire("e")
        assert lock is not None

        for _ in range(3):
            assert make_owners("two").acquire("e") is None

        assert make_owners("three").is_owned("e")
        lock.release()
        assert not make_owners("three").is_owned("e")

    def test_a_released_execution_can_be_owned_by_another(self, make_owners: MakeOwners) -> None:
        lock = make_owners("one").acquire("e")
        assert lock is not None

        lock.release()

        assert not make_owners("two").is_owned("e")
        assert make_owners("two").acquire("e") is not None

    def test_releasing_again_takes_nothing_from_the_next_owner(
        self, make_owners: MakeOwners
    ) -> None:
        first = make_owners("one").acquire("e")
        assert first is not None
        first.release()
        second = make_owners("two").acquire("e")
        assert second is not None

        first.release()

        assert make_owners("three").is_owned("e")
        assert make_owners("three").acquire("e") is None
        second.release()

    def test_executions_are_owned_one_by_one(self, make_owners: MakeOwners) -> None:
        one, other = make_owners("one").acquire("a"), make_owners("one").acquire("b")

        assert one is not None
        assert other is not None
        one.release()
        assert not make_owners("two").is_owned("a")
        assert make_owners("two").is_owned("b")
        other.release()

    def test_an_unknown_execution_has_no_owner(self, make_owners: MakeOwners) -> None:
        assert not make_owners("one").is_owned("nothing")
        assert not make_owners("one").is_owned("nothing")  # asking has not made it known

    def test_a_dead_engine_owns_nothing(
        self, make_owners: MakeOwners, die_as_owner: DieAsOwner
    ) -> None:
        die_as_owner("e")

        assert not make_owners("two").is_owned("e")
        lock = make_owners("two").acquire("e")
        assert lock is not None
        lock.release()

    def test_asking_for_the_owner_never_makes_an_owner_fail(self, make_owners: MakeOwners) -> None:
        owners = make_owners("one")
        stop = threading.Event()

        def ask() -> None:
            while not stop.is_set():
                owners.is_owned("e")

        asking = threading.Thread(target=ask)
        asking.start()
        try:
            for _ in range(200):
                lock = owners.acquire("e")
                assert lock is not None
                lock.release()
        finally:
            stop.set()
            asking.join()

    def test_of_many_who_want_it_at_once_exactly_one_gets_it(self, make_owners: MakeOwners) -> None:
        engines = [make_owners(f"engine-{number}") for number in range(8)]
        for execution in ("a", "b", "c", "d", "e"):
            together = threading.Barrier(len(engines))

            def want(
                owners: Owners, execution: str = execution, together: threading.Barrier = together
            ) -> object:
                together.wait(20)
                return owners.acquire(execution)

            with ThreadPoolExecutor(len(engines)) as pool:
                got = [lock for lock in pool.map(want, engines) if lock is not None]
            assert len(got) == 1
