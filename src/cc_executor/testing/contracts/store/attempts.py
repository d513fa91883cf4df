"""What is promised about attempts, the sessions that they hold, and notes."""

from __future__ import annotations

import msgspec
import pytest

from cc_executor.errors import AgentSessionBusy, InvalidTransition, StaleWrite
from cc_executor.model.lifecycle import AttemptState, Move, TaskState
from cc_executor.model.outcomes import Changes, Claimed
from cc_executor.model.records import AttemptRecord, Noted
from cc_executor.ports.store import Store
from cc_executor.testing.contracts.store.fixtures import WithStore
from cc_executor.testing.contracts.store.samples import (
    AGENT,
    AT,
    PATHS,
    contents,
    ended,
    move,
    moves,
    note,
    outcome,
    owned,
    running,
    started,
    starting,
    succeeded,
)

#: What agents, programs and file systems really produce.
HOSTILE_TEXTS = (
    "",
    "NUL \0 inside",
    "quote ' double \" semicolon ; -- comment",
    "naïve café 漢字 🙂 \u202e \ufeff",
    "not UTF-8: caf\udce9",
    "line\r\nbreak\u2028",
    "x" * 1_000_000,
)


class AttemptPromises(WithStore):
    async def test_an_attempt_is_known_from_its_intent_to_its_end(self, store: Store) -> None:
        lease = await owned(store)
        await store.record(lease, move("run.1", Move.START))
        (event,) = await store.record(lease, starting("run.1", session="s"))
        record = AttemptRecord(
            id="run.1.1",
            task_id="run.1",
            number=1,
            state=AttemptState.STARTING,
            agent=AGENT,
            created_at=AT,
            agent_session_id="s",
        )
        assert await store.attempts("run.1") == (record,)
        assert (event.kind, event.task_id, event.attempt) == ("attempt.starting", "run.1", 1)
        assert event.data == {
            "name": "task-1",
            "agent": AGENT,
            "agent_session_id": "s",
            "timeout_s": 60.0,
        }

        (event,) = await store.record(lease, running("run.1"))
        record = msgspec.structs.replace(record, state=AttemptState.RUNNING, pid=4_711)
        assert await store.attempts("run.1") == (record,)
        assert (event.kind, event.attempt) == ("attempt.started", 1)
        assert event.data == {"name": "task-1", "pid": 4_711}

        (event,) = await store.record(lease, ended("run.1"))
        record = msgspec.structs.replace(
            record, state=AttemptState.ENDED, ended_at=AT, outcome=outcome()
        )
        assert await store.attempts("run.1") == (record,)
        assert (event.kind, event.attempt) == ("attempt.ended", 1)
        assert (event.data["state"], event.data["exit_code"]) == ("succeeded", 0)

    async def test_attempts_are_counted_in_their_task(self, store: Store) -> None:
        lease = await owned(store)
        await store.record(lease, *started("run.1"), ended("run.1"), move("run.1", Move.RETRY))
        await store.record(lease, starting("run.1", 2))
        assert (await store.tasks("run"))[0].attempts == 2
        assert [one.number for one in await store.attempts("run.1")] == [1, 2]

    @pytest.mark.parametrize("number", [-1, 0, 1, 3])
    async def test_only_the_next_number_can_start(self, store: Store, number: int) -> None:
        lease = await owned(store)
        await store.record(lease, *started("run.1"), ended("run.1"))
        with pytest.raises(StaleWrite) as refusal:
            await store.record(lease, starting("run.1", number))
        assert (refusal.value.held, refusal.value.current) == (number, 1)
        assert len(await store.attempts("run.1")) == 1

    @pytest.mark.parametrize(
        "state", [one for one in TaskState if one not in (TaskState.RUNNING, TaskState.PAUSED)]
    )
    async def test_a_task_that_does_not_run_cannot_be_attempted(
        self, store: Store, state: TaskState
    ) -> None:
        lease = await owned(store)
        await store.record(lease, *moves("run.1", *PATHS[state]))
        with pytest.raises(InvalidTransition) as refusal:
            await store.record(lease, starting("run.1"))
        assert refusal.value.state == state
        assert await store.attempts("run.1") == ()

    async def test_a_task_never_has_two_attempts_at_once(self, store: Store) -> None:
        lease = await owned(store)
        await store.record(lease, move("run.1", Move.START), starting("run.1"))
        for change in (starting("run.1", 2), running("run.1"), starting("run.1", 2)):
            try:
                await store.record(lease, change)
            except InvalidTransition:
                continue
            assert change == running("run.1")
        assert len(await store.attempts("run.1")) == 1

    async def test_an_attempt_may_end_without_ever_having_run(self, store: Store) -> None:
        lease = await owned(store)
        await store.record(lease, move("run.1", Move.START), starting("run.1"), ended("run.1"))
        (attempt,) = await store.attempts("run.1")
        assert (attempt.state, attempt.pid) == (AttemptState.ENDED, None)

    async def test_an_attempt_starts_running_once(self, store: Store) -> None:
        lease = await owned(store)
        await store.record(lease, *started("run.1"))
        with pytest.raises(InvalidTransition):
            await store.record(lease, running("run.1"))

    async def test_what_has_ended_cannot_run_or_end_again(self, store: Store) -> None:
        lease = await owned(store)
        await store.record(lease, *started("run.1"), ended("run.1"))
        before = await contents(store)
        for change in (running("run.1"), ended("run.1", state=TaskState.FAILED), ended("run.1")):
            with pytest.raises(StaleWrite):
                await store.record(lease, change)
        assert await contents(store) == before

    @pytest.mark.parametrize("number", [-1, 0, 1, 3])
    async def test_only_the_latest_attempt_can_change(self, store: Store, number: int) -> None:
        lease = await owned(store)
        await store.record(lease, *started("run.1"), ended("run.1"), starting("run.1", 2))
        before = await contents(store)
        for change in (running("run.1", number), ended("run.1", number)):
            with pytest.raises(StaleWrite) as refusal:
                await store.record(lease, change)
            assert (refusal.value.held, refusal.value.current) == (number, 2)
        assert await contents(store) == before

    # --- sessions of agents ------------------------------------------------------------------

    async def test_a_session_that_is_in_use_is_refused_to_every_other_attempt(
        self, store: Store
    ) -> None:
        lease = await owned(store)
        other = await owned(store, "other")
        await store.record(lease, *started("run.1", session="s"))
        before = await contents(store)
        for owner, task in ((lease, "run.2"), (other, "other.1")):
            with pytest.raises(AgentSessionBusy) as refusal:
                await store.record(owner, *started(task, session="s"))
            assert (refusal.value.session_id, refusal.value.holder) == ("s", "run.1.1")
        assert await contents(store) == before

    async def test_the_end_of_an_attempt_frees_its_session(self, store: Store) -> None:
        lease = await owned(store)
        other = await owned(store, "other")
        await store.record(lease, *started("run.1", session="s"), *succeeded("run.1"))
        await store.record(other, *started("other.1", session="s"), *succeeded("other.1"))
        await store.record(lease, *started("run.2", session="s"))
        assert (await store.attempts("run.2"))[0].agent_session_id == "s"

    async def test_a_lease_that_changes_hands_does_not_free_a_session(self, store: Store) -> None:
        await store.record(await owned(store), *started("run.1", session="s"))
        lease = await store.take("run", "other")
        with pytest.raises(AgentSessionBusy):
            await store.record(lease, *started("run.2", session="s"))

    async def test_sessions_of_different_agents_have_nothing_to_do_with_each_other(
        self, store: Store
    ) -> None:
        lease = await owned(store)
        await store.record(lease, *started("run.1", session="s"))
        codex = msgspec.structs.replace(starting("run.2", session="s"), agent="codex")
        await store.record(lease, move("run.2", Move.START), codex)
        assert len(await store.attempts("run.2")) == 1

    async def test_attempts_without_a_session_run_side_by_side(self, store: Store) -> None:
        lease = await owned(store)
        await store.record(lease, *started("run.1"), *started("run.2"))
        assert len(await store.attempts("run.2")) == 1

    # --- notes -------------------------------------------------------------------------------

    async def test_a_note_takes_its_place_among_the_events_and_moves_nothing(
        self, store: Store
    ) -> None:
        lease = await owned(store)
        await store.record(lease, *started("run.1"))
        (event,) = await store.record(
            lease,
            Noted(
                kind="task.limit_near",
                at=AT + 1,
                task_id="run.1",
                attempt=1,
                data={"share": 0.9, "tags": ("a", "b"), "none": None},
            ),
        )
        assert (event.kind, event.at) == ("task.limit_near", AT + 1)
        assert (event.task_id, event.attempt) == ("run.1", 1)
        assert event.data == {"share": 0.9, "tags": ["a", "b"], "none": None}
        assert (await store.events("run"))[-1] == event
        (of_execution,) = await store.record(lease, note("execution.noted"))
        assert (of_execution.task_id, of_execution.attempt) == (None, None)

    @pytest.mark.parametrize(
        "kind",
        [
            "task.succeeded",
            "execution.failed",
            "attempt.ended",
            "execution.submitted",
            "task.waiting",
        ],
    )
    async def test_a_note_cannot_pretend_that_something_moved(
        self, store: Store, kind: str
    ) -> None:
        lease = await owned(store)
        with pytest.raises(ValueError, match=kind):
            await store.record(lease, note(kind))

    async def test_a_note_about_an_old_attempt_is_refused(self, store: Store) -> None:
        lease = await owned(store)
        await store.record(lease, *started("run.1"), ended("run.1"), starting("run.1", 2))
        with pytest.raises(StaleWrite):
            await store.record(lease, Noted(kind="x.noted", at=AT, task_id="run.1", attempt=1))

    async def test_a_note_of_what_json_does_not_know_is_refused(self, store: Store) -> None:
        lease = await owned(store)
        with pytest.raises(TypeError):
            await store.record(lease, Noted(kind="x.noted", at=AT, data={"what": object()}))

    # --- values ------------------------------------------------------------------------------

    @pytest.mark.parametrize("text", HOSTILE_TEXTS, ids=lambda text: ascii(text[:12]))
    async def test_an_outcome_is_read_back_as_it_was_whatever_the_agent_said(
        self, store: Store, text: str
    ) -> None:
        lease = await owned(store)
        result = msgspec.structs.replace(
            outcome(),
            message=text,
            claimed=Claimed(text=text, structured={text: [text]}, errors=(text,)),
            changes=Changes(created=(text,), complete=False),
            cost_usd=0.1 + 0.2,
        )
        change = msgspec.structs.replace(ended("run.1"), outcome=result)
        made = await store.record(lease, *started("run.1"), change)
        assert (await store.attempts("run.1"))[0].outcome == result
        assert (await store.events("run"))[-len(made) :] == made
