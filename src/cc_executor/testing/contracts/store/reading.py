"""What is promised about reading."""

from __future__ import annotations

import pytest

from cc_executor.errors import AmbiguousId, ExecutionNotFound
from cc_executor.model.lifecycle import Move, TaskState, is_final
from cc_executor.model.records import Wish, changed
from cc_executor.ports.store import Store
from cc_executor.testing.contracts.store.fixtures import WithStore
from cc_executor.testing.contracts.store.samples import (
    AT,
    PATHS,
    move,
    moves,
    new_execution,
    note,
    owned,
    started,
    succeeded,
)


class ReadingPromises(WithStore):
    async def test_what_does_not_exist_is_not_found(self, store: Store) -> None:
        await owned(store)
        for read in (store.execution, store.tasks, store.execution_with_tasks, store.find):
            with pytest.raises(ExecutionNotFound) as refusal:
                await read("nothing")
            assert refusal.value.execution_id == "nothing"
        with pytest.raises(ExecutionNotFound):
            await store.executions(before="nothing")
        assert await store.attempts("run.1") == ()
        assert await store.attempts("nothing") == ()
        assert await store.events("nothing") == ()

    async def test_tasks_stand_where_the_law_of_changes_says(self, store: Store) -> None:
        lease = await owned(store)
        expected = list(await store.tasks("run"))
        for change in (
            *started("run.1"),
            note(task="run.1"),
            move("run.1", Move.PAUSE),
            move("run.1", Move.RESUME),
            *succeeded("run.1"),
            move("run.2", Move.SKIP),
        ):
            await store.record(lease, change)
            expected = [
                changed(task, change) if task.id == change.task_id else task for task in expected
            ]
            assert list(await store.tasks("run")) == expected

    async def test_an_execution_and_its_tasks_are_read_together(self, store: Store) -> None:
        lease = await owned(store)
        await store.record(lease, *started("run.1"), *succeeded("run.1"))
        assert await store.execution_with_tasks("run") == (
            await store.execution("run"),
            await store.tasks("run"),
        )

    # --- events ------------------------------------------------------------------------------

    async def test_events_are_numbered_from_one_without_gaps(self, store: Store) -> None:
        lease = await owned(store)
        made = [
            *await store.events("run"),
            *await store.record(lease, *started("run.1")),
            *await store.record(lease, note(), note()),
            *await store.record(await store.take("run", "other"), *succeeded("run.1")),
        ]
        assert [event.seq for event in made] == list(range(1, len(made) + 1))
        assert await store.events("run") == tuple(made)

    async def test_every_execution_has_numbers_of_its_own(self, store: Store) -> None:
        for execution_id in ("one", "two"):
            lease = await owned(store, execution_id)
            await store.record(lease, note())
            assert [event.seq for event in await store.events(execution_id)] == [1, 2]

    async def test_events_are_read_from_any_place_in_pages_of_any_size(self, store: Store) -> None:
        lease = await owned(store)
        await store.record(lease, *(note() for _ in range(9)))
        for after_seq, limit, seqs in (
            (0, 1, [1]),
            (0, 3, [1, 2, 3]),
            (4, 3, [5, 6, 7]),
            (8, 100, [9, 10]),
            (10, 1, []),
            (99, 1, []),
            (-5, 2, [1, 2]),
        ):
            events = await store.events("run", after_seq=after_seq, limit=limit)
            assert [event.seq for event in events] == seqs
        with pytest.raises(ValueError, match="limit"):
            await store.events("run", limit=0)

    # --- finding -----------------------------------------------------------------------------

    async def test_a_beginning_that_only_one_id_has_finds_it(self, store: Store) -> None:
        for execution_id in ("01abc", "01abd", "02xyz"):
            await store.create(*new_execution(execution_id))
        for prefix, found in (("01abc", "01abc"), ("02", "02xyz"), ("01abd", "01abd")):
            assert await store.find(prefix) == found

    async def test_a_complete_id_wins_over_longer_ones(self, store: Store) -> None:
        for execution_id in ("run-2", "run", "run-1"):
            await store.create(*new_execution(execution_id))
        assert await store.find("run") == "run"

    async def test_a_beginning_of_several_ids_is_refused_and_names_them(self, store: Store) -> None:
        for execution_id in ("b2", "a1", "b1"):
            await store.create(*new_execution(execution_id))
        with pytest.raises(AmbiguousId) as refusal:
            await store.find("b")
        assert (refusal.value.prefix, refusal.value.matches) == ("b", ("b1", "b2"))
        with pytest.raises(AmbiguousId):
            await store.find("")

    async def test_no_character_of_a_beginning_means_anything_but_itself(
        self, store: Store
    ) -> None:
        await store.create(*new_execution("run"))
        hostile = (
            "r%",
            "r_n",
            "r*",
            "r?",
            "r[u]",
            "ru\0",
            "RUN",
            "'",
            "rün",
            "r\udce9",
            "\U0010ffff",
        )
        for prefix in hostile:
            with pytest.raises(ExecutionNotFound):
                await store.find(prefix)

    # --- lists of executions -----------------------------------------------------------------

    async def test_executions_come_newest_first_then_by_id(self, store: Store) -> None:
        for execution_id, age_s in (("b", 1), ("d", 0), ("a", 1), ("c", 2)):
            await store.create(*new_execution(execution_id, created_at=AT - age_s))
        assert [one.id for one in await store.executions()] == ["d", "b", "a", "c"]

    @pytest.mark.parametrize("page", [1, 2, 3, 7, 8, 1_000])
    async def test_pages_together_show_every_execution_once(self, store: Store, page: int) -> None:
        for number in range(8):
            await store.create(*new_execution(f"run{number}", created_at=AT + number // 3))
        everything = [one.id for one in await store.executions()]
        seen: list[str] = []
        while shown := await store.executions(before=seen[-1] if seen else None, limit=page):
            assert len(shown) <= page
            seen += [one.id for one in shown]
        assert seen == everything
        assert len(seen) == 8

    async def test_executions_are_filtered_by_state(self, store: Store) -> None:
        for number, state in enumerate(TaskState):
            lease = await owned(store, state, tasks=1)
            await store.record(lease, *moves(f"{state}.1", *PATHS[state]))
            assert (await store.execution(state)).state is state, number
        for states in ([TaskState.LOST], [TaskState.QUEUED, TaskState.FAILED], [], list(TaskState)):
            shown = await store.executions(states=states)
            assert {one.state for one in shown} == set(states)
            assert len(shown) == len(states)

    async def test_filters_and_pages_go_together(self, store: Store) -> None:
        for number in range(6):
            await store.create(*new_execution(f"run{number}", created_at=AT + number))
            if number % 2:
                lease = await store.take(f"run{number}", "engine")
                await store.record(lease, *started(f"run{number}.1"))
        queued = [TaskState.QUEUED]
        shown = await store.executions(states=queued, before="run4", limit=1)
        assert [one.id for one in shown] == ["run2"]

    async def test_executions_are_filtered_by_who_submitted_them(self, store: Store) -> None:
        for number, principal in enumerate([None, "ada", "ben", "ada"]):
            run = new_execution(f"run{number}", created_at=AT + number, principal=principal)
            await store.create(*run)
        queued = [TaskState.QUEUED]
        for states in (None, queued):
            of_ada = await store.executions(states=states, principal="ada")
            assert [(one.id, one.principal) for one in of_ada] == [("run3", "ada"), ("run1", "ada")]
            assert len(await store.executions(states=states)) == 4
            assert await store.executions(states=states, principal="nobody") == ()

    @pytest.mark.parametrize("limit", [-1, 0, 1_001])
    async def test_a_page_has_one_to_a_thousand_entries(self, store: Store, limit: int) -> None:
        with pytest.raises(ValueError, match=str(limit)):
            await store.executions(limit=limit)

    async def test_what_is_unfinished_comes_oldest_first_and_complete(self, store: Store) -> None:
        for number, state in enumerate(TaskState):
            await store.create(*new_execution(state, tasks=1, created_at=AT - number))
            lease = await store.take(state, "engine")
            await store.record(lease, *moves(f"{state}.1", *PATHS[state]))
        unfinished = await store.unfinished()
        assert [one.id for one in unfinished] == ["paused", "running", "queued"]
        assert not any(is_final(one.state) for one in unfinished)

    async def test_what_is_unfinished_is_counted_for_each_principal(self, store: Store) -> None:
        for number, state in enumerate([*TaskState, TaskState.QUEUED]):
            principal = "ben" if number == len(TaskState) else "ada"
            await store.create(*new_execution(f"run{number}", tasks=1, principal=principal))
            lease = await store.take(f"run{number}", "engine")
            await store.record(lease, *moves(f"run{number}.1", *PATHS[state]))
        assert await store.count_unfinished("ada") == 3
        assert await store.count_unfinished("ben") == 1
        assert await store.count_unfinished("nobody") == 0

    # --- version and end ---------------------------------------------------------------------

    async def test_the_version_changes_with_every_kind_of_write_and_with_nothing_else(
        self, store: Store
    ) -> None:
        seen = [await store.version()]

        async def has_changed() -> bool:
            seen.append(await store.version())
            return seen[-1] not in seen[:-1]

        await store.create(*new_execution())
        assert await has_changed()
        lease = await store.take("run", "engine")
        assert await has_changed()
        await store.record(lease, move("run.1", Move.START))
        assert await has_changed()
        await store.request("run", Wish.PAUSE, task_id=None, at=AT)
        assert await has_changed()
        await store.executions()
        with pytest.raises(ExecutionNotFound):
            await store.take("nothing", "engine")
        assert not await has_changed()
