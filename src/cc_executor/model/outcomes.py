"""How an attempt ended: what was executed, what was claimed, what was verified, kept apart.

Unknown is `None`, never zero: a cost, a count or an exit code that nobody observed stays unknown.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from cc_executor.errors import CCExecutorError
from cc_executor.model.evidence import (
    CheckFinding,
    ClaimedFile,
    ExpectationFinding,
    FileFinding,
    Judgement,
)
from cc_executor.model.failures import FAILURES, Failure
from cc_executor.model.lifecycle import TaskState
from cc_executor.model.timers import Timing


class EndedBy(StrEnum):
    """What made the supervised process end."""

    EXIT = "exit"  # by itself: exit status or a signal from elsewhere
    TIMER = "timer"  # a timer of ours expired; `Executed.timer` says which
    CANCEL = "cancel"  # somebody asked for it
    GRACE = "grace"  # it had given its result and would not leave
    ORPHANED = "orphaned"  # its engine stayed away longer than orphan_grace_s
    BUDGET = "budget"  # it had used more than it may
    LIMIT = "limit"  # a resource limit; `Executed.limit` says which
    START = "start"  # it never ran: exec failed; `Executed.error` says why
    LOST = "lost"  # its supervisor died: nobody saw the end


class Executed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the supervisor saw. Instants are seconds since the epoch, UTC.

    Attributes:
        exit_code: Exit status of the child, None when it did not exit by itself.
        signal: Name of the signal that ended it (`SIGKILL`), None when none did.
        timer: `start`, `first_byte`, `idle`, `total`, `cap`, `paused` when `ended_by` is `timer`.
        limit: `memory`, `processes`, `file_size`, `output`, `disk`, `files` when `ended_by` is `limit`.
        rung: Last rung of the stop ladder that was needed: `stdin`, `interrupt`, `terminate`,
            `kill`; None when no stop was needed.
        swept: Number of processes that were still there after the child and had to be killed. Of a
            lost attempt at least so many: those that the engine killed which settled it. The
            spawner sweeps at the same time and keeps no count, so 0 does not say that none was
            left; that none is left holds in any case.
        duration_s: Wall time from exec to the end of the tree, pauses included.
        paused_s: Part of `duration_s` spent paused.
        output_bytes: Bytes captured, both streams together.
        error: Text of the operating system when it could not be started; the figure and the limit
            when one was reached.
        max_rss_bytes: Peak resident size of the largest process, None when unknown.
        memory_peak_bytes: Most memory of all its processes at one moment, as far as it was measured:
            None for a short attempt.
        cpu_s: User and system time of all reaped processes, None when unknown.
        enforcement: By limit that was set, who kept it: `cgroup` (the kernel, for the whole tree),
            `rlimit` (the kernel, for each process), `supervisor` (at every byte), `poll` (the
            supervisor, which measures again and again).
        timers: All that the supervisor kept; empty when it died unseen.
    """

    ended_by: EndedBy
    exit_code: int | None = None
    signal: str | None = None
    timer: str | None = None
    limit: str | None = None
    rung: str | None = None
    swept: int = 0
    started_at: float | None = None
    ended_at: float | None = None
    duration_s: float | None = None
    paused_s: float = 0.0
    output_bytes: int = 0
    stdout_bytes: int = 0
    stderr_bytes: int = 0
    error: str | None = None
    max_rss_bytes: int | None = None
    memory_peak_bytes: int | None = None
    cpu_s: float | None = None
    enforcement: dict[str, str] = {}
    timers: tuple[Timing, ...] = ()


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens of one attempt, summed over its turns; never cumulative over a session."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0

    @property
    def total(self) -> int:
        """All tokens together, those from the cache included."""
        return (
            self.input_tokens
            + self.output_tokens
            + self.cache_read_tokens
            + self.cache_write_tokens
        )


class Denial(msgspec.Struct, frozen=True, kw_only=True):
    """A tool that the agent wanted and was refused."""

    tool: str
    tool_use_id: str | None = None


class Claimed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the agent said. None of it is proof of anything.

    Attributes:
        text: Its final answer; None when it gave none.
        last_text: The last text it wrote, where it gave no answer: all that there is of one.
        structured: The JSON value it gave by its native schema output; `UNSET` when it gave none.
        is_error: Whether the agent itself called its result an error; None without a result.
        num_turns: Model turns of this attempt.
        results: How many result messages arrived (background tools bring more than one).
        terminal_reason: The agent's own word for why it stopped.
        api_status: HTTP status of the model API in a failure.
        errors: The agent's own error texts.
        files: Files that its answer names as its own work; None when it was not asked.
        turns_seen: Turns of its own that were counted in its output: at least so many there were.
        tokens_seen: Tokens that its turns began with: at least so many it has used.
    """

    text: str | None = None
    last_text: str | None = None
    structured: Any = msgspec.UNSET
    is_error: bool | None = None
    num_turns: int | None = None
    results: int = 0
    terminal_reason: str | None = None
    api_status: int | None = None
    errors: tuple[str, ...] = ()
    denials: tuple[Denial, ...] = ()
    files: tuple[ClaimedFile, ...] | None = None
    turns_seen: int = 0
    tokens_seen: int = 0


class Verification(StrEnum):
    """What checking the claims against the world gave."""

    UNVERIFIED = "unverified"  # nothing was checked
    VERIFIED = "verified"
    REFUTED = "refuted"


class Verified(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was checked here.

    Attributes:
        status: The sum of it all.
        schema: `valid` or `invalid` when the task had a JSON schema, else None.
        schema_error: Where and how the answer breaks the schema.
        files: Each file that was claimed or written.
        expectations: Each line of `expects`.
        checks: Each check, in order; those after one that failed were not run.
        judgement: What a fresh agent said, where one was asked.
    """

    status: Verification = Verification.UNVERIFIED
    schema: str | None = None
    schema_error: str | None = None
    files: tuple[FileFinding, ...] = ()
    expectations: tuple[ExpectationFinding, ...] = ()
    checks: tuple[CheckFinding, ...] = ()
    judgement: Judgement | None = None


class Conclusion(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a dialect makes of an attempt: pure function of its events and its exit.

    Attributes:
        failure: None means that by the agent's own account and its exit all went well.
        message: One sentence about the failure, with the agent's own words where there are any.
        cost_usd: Cost of this attempt alone (deltas), None when unknown.
        agent_session_id: Session by which the agent could be resumed.
        limit_resets_at: When a usage limit ends, seconds since the epoch, only as reported.
        retry_after_s: How long the model API asked to be left alone, only as reported.
    """

    failure: Failure | None = None
    message: str | None = None
    claimed: Claimed = Claimed()
    cost_usd: float | None = None
    usage: Usage | None = None
    model: str | None = None
    agent_session_id: str | None = None
    limit_resets_at: float | None = None
    retry_after_s: float | None = None


class Content(msgspec.Struct, frozen=True):
    """What a file held when it was looked at.

    Attributes:
        sha256: Hexadecimal.
    """

    size_bytes: int
    sha256: str


class Changes(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is different in a workspace after an attempt: paths relative to it, sorted.

    Attributes:
        renamed: Pairs of old and new path; both stand among `deleted` and `created` as well.
        mode_changed: Paths of which nothing but the permissions changed.
        complete: False when the workspace was too large to compare within the bound; the lists
            then hold what was seen.
        contents: What regular files among `created` and `modified` held when the attempt had ended.
            Bounded: a file that is too large, or beyond the first 1,000, is missing here.
    """

    created: tuple[str, ...] = ()
    modified: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()
    mode_changed: tuple[str, ...] = ()
    complete: bool = True
    contents: dict[str, Content] = {}


class Ground(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where an isolated task worked, and what has come out of it.

    Attributes:
        isolation: `copy` or `worktree`.
        path: Of the copy or worktree, where it is kept; None: it was removed, nothing is lost.
        branch: With a commit for each attempt that changed something; None: nothing was changed.
        base: The commit that it began with.
        commit: The last commit.
        patch: File with all that is different since the base, for `git apply`.
        problem: Why the result could not be put on a branch; the worktree is kept then.
    """

    isolation: str
    path: str | None = None
    branch: str | None = None
    base: str | None = None
    commit: str | None = None
    patch: str | None = None
    problem: str | None = None


class Outcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How an attempt, and with its last attempt a task, ended.

    Attributes:
        state: The final state of a task that ends with this attempt.
        failure: The taxonomy's slug; None exactly when `state` is `succeeded`.
        detail: Which timer or which limit, where the failure has kinds.
        message: One sentence for people.
        ground: Where an isolated task worked; None: in its workspace.
        limit_resets_at: When the usage limit ends, as reported and where that can be true.
        retry_after_s: How long the model API asked to be left alone, as reported.
        queue: How long the task waited for its first attempt; None: it never began to wait.
    """

    state: TaskState
    failure: Failure | None = None
    detail: str | None = None
    message: str | None = None
    executed: Executed | None = None
    claimed: Claimed = Claimed()
    verified: Verified = Verified()
    changes: Changes = Changes()
    ground: Ground | None = None
    queue: Timing | None = None
    cost_usd: float | None = None
    usage: Usage | None = None
    model: str | None = None
    agent_session_id: str | None = None
    limit_resets_at: float | None = None
    retry_after_s: float | None = None

    @property
    def ok(self) -> bool:
        """Whether the task did what was asked, as far as was checked."""
        return self.state is TaskState.SUCCEEDED

    @property
    def timers(self) -> tuple[Timing, ...]:
        """All timers that were kept: how long each ran, its bound, and whether it expired."""
        queue = () if self.queue is None else (self.queue,)
        return (*queue, *(self.executed.timers if self.executed else ()))

    @property
    def text(self) -> str:
        """The agent's answer; empty when it gave none."""
        return self.claimed.text or ""

    def raise_for_failure(self, *, task_id: str, partial_output: str = "") -> None:
        """Do nothing for a success.

        Raises:
            TaskFailed: or the subclass that fits, carrying this outcome.
        """
        if not self.ok:
            kind = _EXCEPTIONS.get(self.failure or Failure.AGENT_ERROR, TaskFailed)
            raise kind(task_id, self, partial_output)


class TaskFailed(CCExecutorError):
    """A task ran and did not succeed.

    Attributes:
        task_id: Which task.
        outcome: How it ended: executed, claimed, verified, cost, failure.
        partial_output: The last text the agent gave before; never an answer.
    """

    code = "task.failed"

    def __init__(self, task_id: str, outcome: Outcome, partial_output: str = "") -> None:
        super().__init__(task_id, outcome)
        self.task_id = task_id
        self.outcome = outcome
        self.partial_output = partial_output
        if outcome.failure is not None:
            self.hint = FAILURES[outcome.failure].advice

    def __str__(self) -> str:
        outcome = self.outcome
        what = outcome.failure or outcome.state
        which = f" ({outcome.detail})" if outcome.detail else ""
        said = f": {outcome.message}" if outcome.message else ""
        return f"task {self.task_id} {outcome.state}: {what}{which}{said}"


class TaskTimedOut(TaskFailed):
    """A timer of the task expired and its whole tree was stopped."""

    code = "task.timed_out"


class TaskCancelled(TaskFailed):
    """The task was cancelled."""

    code = "task.cancelled"


class SchemaViolation(TaskFailed):
    """The agent's answer does not fit the JSON schema of the task."""

    code = "task.schema_violation"


_EXCEPTIONS = {
    Failure.TIMED_OUT: TaskTimedOut,
    Failure.CANCELLED: TaskCancelled,
    Failure.SCHEMA_VIOLATION: SchemaViolation,
}
