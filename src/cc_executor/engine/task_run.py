"""One task: its attempts, one after the other, until the task is final."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import msgspec

from cc_executor.engine.admission import Admission, NotAdmitted
from cc_executor.engine.attempt import Attempt
from cc_executor.engine.beside import Beside
from cc_executor.engine.book import Book
from cc_executor.engine.prepare import Prepared, prepare, with_references
from cc_executor.engine.queueing import waited
from cc_executor.engine.retrying import retrying, until_then
from cc_executor.engine.settle import refused
from cc_executor.engine.verify import check_names, is_checked, verify
from cc_executor.engine.world import World
from cc_executor.errors import AgentSessionBusy, CCExecutorError, SpawnFailed
from cc_executor.forecast.observing import observation_of
from cc_executor.model.failures import FAILURES, Failure
from cc_executor.model.forecasts import Forecast, Subject
from cc_executor.model.ids import attempt_id
from cc_executor.model.lifecycle import MOVE_TO, AttemptState, Move, TaskState
from cc_executor.model.outcomes import Changes, Executed, Outcome
from cc_executor.model.records import (
    AttemptEnded,
    AttemptRecord,
    AttemptRunning,
    AttemptStarting,
    Change,
    Noted,
    TaskMoved,
    TaskRecord,
)
from cc_executor.model.retries import (
    Next,
    credible,
    next_attempt,
    next_spec,
    park_of,
    with_whole_cost,
)
from cc_executor.model.specs import TaskSpec
from cc_executor.model.spending import left_of
from cc_executor.ports.process import StopReason, Supervised
from cc_executor.ports.workspace import Before

_log = logging.getLogger(__name__)
_SHORT_S = 0.005


class TaskRun:
    """Carries one task to its end, from wherever an earlier engine has left it.

    Args:
        world: The engine's world.
        book: Where its moves are recorded.
        task: The task as it stands.
        upstream: Outcomes of the tasks that have succeeded, by name.
        carry_on: Whether new attempts may be made. Without, a running one is stopped and settled.
        prepared: The first attempt, if it is prepared already.
    """

    def __init__(
        self,
        world: World,
        book: Book,
        task: TaskRecord,
        upstream: Mapping[str, Outcome],
        *,
        carry_on: bool,
        prepared: Prepared | None = None,
    ) -> None:
        self._world = world
        self._book = book
        self._task = task
        self._upstream = upstream
        self._carry_on = carry_on
        self._prepared = prepared
        self._number = task.attempts
        self._park = park_of(task.spec, by_default=world.policy.park)
        self._attempt: Attempt | None = None
        self._before: Before | None = None
        self._example: tuple[Subject, Forecast | None] | None = None  # what the attempt is one of
        self._outcomes: list[Outcome | None] = []  # of the attempts so far
        self._running: AttemptRunning | None = None  # not written down yet
        self._admission = Admission(world, book, task)
        self._paused = task.state is TaskState.PAUSED
        if self._paused:
            self._admission.pause()
        self._stop: tuple[StopReason, bool] | None = None
        self._started_at = task.started_at
        self._instead: tuple[Move, Outcome] | None = None  # of beginning

    async def run(self) -> None:
        """Make attempts until the task is final."""
        try:
            again = await self._catch_up()
            while again:
                await self._admission.delay()
                again = await self._make_attempt()
        finally:
            self._admission.leave()

    # --- wishes; each may come at any moment ------------------------------------------------

    async def stop(self, reason: StopReason, *, now: bool) -> None:
        """End the running attempt, and make no other."""
        self._stop = (reason, now)
        self._admission.stop()
        if self._attempt is not None:
            await self._attempt.stop(reason, now=now)

    def end_unbegun(self, move: Move, outcome: Outcome) -> None:
        """Make this move instead of beginning, if it has not begun: it is too late for it."""
        if self._number <= 1 and self._attempt is None:
            self._instead = (move, outcome)
            self._admission.stop()

    async def pause(self) -> None:
        """Freeze the running attempt; without one, start none."""
        self._paused = True
        self._admission.pause()
        if self._attempt is not None:
            await self._attempt.pause()
        await self._book.move_if_allowed(self._task.id, Move.PAUSE)

    async def resume(self) -> None:
        """Thaw it; without one, let the next one start."""
        self._paused = False
        self._admission.resume()
        if self._attempt is not None:
            await self._attempt.resume()
        await self._book.move_if_allowed(self._task.id, Move.RESUME)

    async def let_go(self) -> None:
        """Leave a running child to whoever adopts it, or to its orphan grace."""
        if self._attempt is not None:
            await self._attempt.let_go()

    # --- attempts ---------------------------------------------------------------------------

    async def _make_attempt(self) -> bool:
        """Make one attempt; tell whether another one is due."""
        self._number += 1
        try:
            prepared = await self._admission.admit(self._number, self._prepare)
        except NotAdmitted as refusal:
            return await self._refuse(refusal.failure, refusal.message, refusal.detail)
        if prepared is None:
            return await self._never_mind()
        self._example = self._example_of(prepared, prepared.subject, prepared.forecast)
        attempt = self._new_attempt(prepared)
        try:
            supervised = await attempt.start(self._intend(attempt, prepared))
        except AgentSessionBusy as refusal:
            return await self._refuse(Failure.AGENT_SESSION, f"{refusal}. {refusal.hint}")
        except SpawnFailed as refusal:
            return await self._end(refused(Failure.START_FAILED, str(refusal)))
        if supervised is None:
            return await self._end(_CANCELLED_BEFORE)
        outcome = await self._watch(attempt, supervised)
        return await self._end(await self._concluded(prepared, outcome))

    async def _intend(self, attempt: Attempt, prepared: Prepared) -> None:
        """Do what must be done before a child may exist."""
        looking = asyncio.ensure_future(self._look(attempt))
        try:
            await self._record_intent(prepared)
        finally:
            await looking

    async def _look(self, attempt: Attempt) -> None:
        # What an earlier engine's attempt has written cannot be told from what was there before.
        if self._number == 1 or self._before is not None:
            self._before = await attempt.look(self._before)

    async def _watch(self, attempt: Attempt, supervised: Supervised) -> Outcome:
        """Watch a running child to its end, and write down that it runs.

        That note of a child which ends within milliseconds goes into one transaction with its end.
        """
        self._running = AttemptRunning(
            task_id=self._task.id,
            number=self._number,
            at=self._book.now_s(),
            pid=supervised.pid,
        )
        finishing = asyncio.create_task(attempt.finish())
        try:
            await asyncio.wait({finishing}, timeout=_SHORT_S)
            if not finishing.done():
                await self._record_running()
            return await finishing
        finally:
            finishing.cancel()

    async def _record_running(self) -> None:
        if self._running is not None:
            running, self._running = self._running, None
            await self._book.record(running)
        if self._paused:
            await self._book.move_if_allowed(self._task.id, Move.PAUSE)

    async def _prepare(self) -> Prepared:
        if self._prepared is not None:
            prepared, self._prepared = self._prepared, None
            return prepared
        await self._world.foresight.look_up({self._task.spec.dialect})
        return await asyncio.to_thread(self._prepare_now)

    def _prepare_now(self) -> Prepared:
        spec = with_references(self._task.spec, self._upstream)
        following = self._following()
        if following is not None:
            spec = next_spec(spec, self._outcomes, following)
        if spec.isolation != "none":
            workspace = self._world.workspaces.check(Path(spec.workspace or "."))
            ground = self._world.grounds.prepare(self._task.id, workspace, spec.isolation)
            spec = msgspec.structs.replace(spec, workspace=str(ground))
        return prepare(self._world, spec, attempt_id(self._task.id, self._number))

    async def _concluded(self, prepared: Prepared, outcome: Outcome) -> Outcome:
        """Return the outcome of an attempt after all that follows it: its work put by, and checked.

        It is put by before anything is checked: what is on the branch is what was checked, not
        what checks have left behind.
        """
        if self._world.windows is not None:
            await self._world.windows.report_end(prepared, outcome)
        if self._task.spec.isolation == "none":
            return await self._verified(prepared, outcome)
        ident = self._task.id
        grounds, label = self._world.grounds, f"{self._task.name}, attempt {self._number}"
        changed = outcome.changes != Changes()
        await asyncio.to_thread(grounds.save, ident, label)
        outcome = await self._verified(prepared, outcome)
        ground = await asyncio.to_thread(grounds.look, ident, changed=changed)
        return msgspec.structs.replace(outcome, ground=ground)

    async def _verified(self, prepared: Prepared, outcome: Outcome) -> Outcome:
        """Return the outcome after everything that the task wants checked was checked."""
        beside = Beside(
            self._world,
            attempt_id(self._task.id, self._number),
            self._book.on_output,
            self._take_over,
            prepared.allowance and left_of(prepared.allowance, outcome),
        )
        if not self._carry_on and is_checked(prepared.spec):
            await beside.stop_what_runs(check_names(prepared.spec))
            return _unchecked(outcome) if outcome.ok else outcome
        workspace = Path(prepared.launch.cwd)
        return await verify(self._world, prepared.spec, outcome, workspace, beside.run)

    async def _take_over(self, child: Attempt, spec: TaskSpec) -> None:
        """Let wishes reach a check instead of the attempt, which has ended."""
        child.inherit_wishes(paused=self._paused, stop=self._stop)
        self._attempt = child
        await self._book.record(
            Noted(
                kind="task.checking",
                at=self._book.now_s(),
                task_id=self._task.id,
                attempt=self._number,
                data={"name": spec.name, "command": list(spec.command or ())},
            )
        )

    def _example_of(
        self, prepared: Prepared, subject: Subject, forecast: Forecast | None
    ) -> tuple[Subject, Forecast | None] | None:
        """Return what an attempt is an example of; one that goes on in a session is of nothing.

        It has a part of the work behind it: how long the rest takes, says nothing of the whole.
        """
        goes_on = prepared.spec.session_id != self._task.spec.session_id
        return None if goes_on else (subject, forecast)

    def _new_attempt(self, prepared: Prepared) -> Attempt:
        of_attempt = attempt_id(self._task.id, self._number)
        folder = self._world.journals.folder(of_attempt)
        windows = self._world.windows
        attempt = Attempt(
            self._world,
            of_attempt,
            folder,
            prepared,
            self._book.on_output,
            on_limit=partial(windows.report, prepared) if windows is not None else None,
        )
        attempt.inherit_wishes(paused=self._paused, stop=self._stop)
        self._attempt = attempt
        return attempt

    async def _record_intent(self, prepared: Prepared) -> None:
        now = self._book.now_s()
        changes: list[Change] = []
        if self._number == 1:
            self._started_at = now
            changes.append(TaskMoved(task_id=self._task.id, move=Move.START, at=now))
        changes.append(
            AttemptStarting(
                task_id=self._task.id,
                number=self._number,
                agent=prepared.dialect.name,
                at=now,
                agent_session_id=prepared.agent_session_id,
                timeout_s=prepared.launch.timers.total_s,
                forecast=prepared.forecast,
            )
        )
        await self._book.record(*changes)

    async def _never_mind(self) -> bool:
        """Record the end of a task that nobody wants to go on."""
        if self._stop is None and self._instead is not None:
            await self._book.move(self._task.id, *self._instead)
        else:
            await self._book.move(self._task.id, Move.CANCEL, _CANCELLED_BEFORE)
        return False

    async def _refuse(self, failure: Failure, why: str, detail: str | None = None) -> bool:
        """Record the end of a task whose attempt could not be started."""
        self._attempt = None
        await self._admission.settle(None)
        outcome = with_whole_cost(refused(failure, why, detail), self._outcomes)
        await self._book.move(self._task.id, Move.FAIL, outcome)
        self._log_end(outcome)
        return False

    async def _end(self, outcome: Outcome) -> bool:
        """Record the end of the attempt; tell whether another one is due, else end the task."""
        self._attempt = None
        outcome = credible(outcome, self._book.now_s())
        if self._started_at is not None:
            queue = waited(self._book.execution, self._task.spec, self._started_at)
            outcome = msgspec.structs.replace(outcome, queue=queue)
        self._outcomes.append(outcome)
        await self._admission.settle(outcome if outcome.executed is not None else None)
        now = self._book.now_s()
        following = self._following() if self._may_go_on(outcome) else None
        started, self._running = self._running, None
        example, self._example = self._example, None
        observed = observation_of(example[0], outcome, at=now) if example else None
        end = AttemptEnded(
            task_id=self._task.id, number=self._number, at=now, outcome=outcome, observed=observed
        )
        await self._book.record(
            *((started,) if started is not None else ()),
            end,
            *self._what_follows(outcome, following, now),
        )
        if observed is not None and example is not None:
            self._world.foresight.learn(observed, example[1])
        self._log_end(outcome)
        if following is None and outcome.ground is not None:
            await asyncio.to_thread(self._world.grounds.clear, self._task.id)
        return following is not None

    def _what_follows(
        self, outcome: Outcome, following: Next | None, now: float
    ) -> Iterator[Change]:
        ident = self._task.id
        if following is None:
            whole = with_whole_cost(outcome, self._outcomes[:-1])
            yield TaskMoved(task_id=ident, move=MOVE_TO[outcome.state], at=now, outcome=whole)
            return
        how = retrying(self._task.spec, outcome, following)
        yield TaskMoved(task_id=ident, move=Move.RETRY, at=now, retrying=how)
        waits = self._admission.changed(until_then(how, following, now))
        if waits is not None:
            yield waits

    def _may_go_on(self, outcome: Outcome) -> bool:
        return self._carry_on and self._stop is None and outcome.failure is not None

    def _following(self) -> Next | None:
        return next_attempt(self._task.spec, self._outcomes, self._park)

    # --- what an earlier engine has left ----------------------------------------------------

    async def _catch_up(self) -> bool:
        """Settle the last attempt of an earlier engine; tell whether another one is due."""
        if self._task.attempts == 0:
            return True
        attempts = await self._world.store.attempts(self._task.id)
        last = attempts[-1]
        self._outcomes = [one.outcome for one in attempts if one.state is AttemptState.ENDED]
        if last.state is AttemptState.ENDED:  # it died between two attempts
            if self._carry_on:
                return True
            assert last.outcome is not None
            whole = with_whole_cost(last.outcome, self._outcomes[:-1])
            await self._book.move(self._task.id, MOVE_TO[last.outcome.state], whole)
            return False
        return await self._end(await self._settle(last))

    async def _settle(self, last: AttemptRecord) -> Outcome:
        """Find out what became of an attempt, and watch it to its end if it still runs."""
        try:
            prepared = await self._prepare()
        except CCExecutorError as refusal:
            await self._admission.adopt(self._number, None)
            return await self._give_up(last, refusal)
        # How busy the machine was when it started, nobody knows any more.
        subject = msgspec.structs.replace(prepared.subject, load=None)
        self._example = self._example_of(prepared, subject, last.forecast)
        await self._admission.adopt(self._number, prepared)
        prepared = self._admission.limited(prepared)
        attempt = self._new_attempt(prepared)
        outcome = await self._find_out(attempt, last)
        return await self._concluded(prepared, outcome)

    async def _give_up(self, last: AttemptRecord, refusal: CCExecutorError) -> Outcome:
        """End an attempt that cannot be taken up: its workspace, or its agent, is not there."""
        found = await self._world.supervision.adopt(self._world.journals.folder(last.id))
        if found is not None and not isinstance(found, Executed):
            await found.stop(StopReason.ORPHANED, now=True)
            found = await found.wait()
        outcome = refused(Failure.LOST, f"its engine died, and it cannot be taken up: {refusal}")
        return msgspec.structs.replace(outcome, executed=found)

    async def _find_out(self, attempt: Attempt, last: AttemptRecord) -> Outcome:
        found = await self._world.supervision.adopt(self._world.journals.folder(last.id))
        if found is None:
            return _NEVER_STARTED if self._stop is None else _CANCELLED_BEFORE
        if isinstance(found, Executed):
            return await attempt.conclude(found)
        if not self._carry_on and self._stop is None:
            await attempt.stop(StopReason.ORPHANED, now=False)
        await attempt.attach(found)
        if last.state is AttemptState.STARTING:
            return await self._watch(attempt, found)
        return await attempt.finish()

    def _log_end(self, outcome: Outcome) -> None:
        executed = outcome.executed
        _log.info(
            "attempt ended",
            extra={
                "task_id": self._task.id,
                "attempt": self._number,
                "state": str(outcome.state),
                "failure": outcome.failure and str(outcome.failure),
                "duration_s": executed.duration_s if executed else None,
                "advice": FAILURES[outcome.failure].advice if outcome.failure else None,
            },
        )


def _unchecked(outcome: Outcome) -> Outcome:
    """Return the outcome of a task whose caller died before it was checked."""
    return msgspec.structs.replace(
        outcome,
        state=FAILURES[Failure.ABANDONED].state,
        failure=Failure.ABANDONED,
        message="its caller died before its work was checked",
    )


_CANCELLED_BEFORE = refused(Failure.CANCELLED, "cancelled before it started")
_NEVER_STARTED = refused(
    Failure.ABANDONED, "its engine died before the process was started; nothing ran"
)
