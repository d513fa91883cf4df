"""What is asked: task specs and task lists, as the user wrote them, checked.

Every field that a task file, a Python call or the wire may set is declared here once.
"""

from __future__ import annotations

import re
from typing import Any, Final, Literal

import msgspec

from cc_executor.model.budgets import Budget
from cc_executor.model.failures import Failure
from cc_executor.model.limits import Limits

NAME_PATTERN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
MAX_TASKS: Final = 10_000
MAX_PROMPT_BYTES: Final = 16 * 1024 * 1024

#: A JSON schema; the booleans accept everything and nothing.
Schema = dict[str, Any] | bool

PermissionMode = Literal[
    "default", "acceptEdits", "auto", "bypassPermissions", "manual", "dontAsk", "plan"
]

#: `none`: in the workspace itself. `copy`: in a scratch copy, which is kept when the task changed
#: something. `worktree`: in a git worktree of its own; what comes out is a branch and a patch.
Isolation = Literal["none", "copy", "worktree"]


class Expects(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """What must hold in the workspace when a task has ended well. Paths are relative to it.

    Attributes:
        files: Regular files that must be there.
        absent: Paths under which nothing may be there.
        contains: By file, texts that must stand in it.
        unchanged: Files, or folders with everything in them, that the task must not have touched.
    """

    files: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    contains: dict[str, str | tuple[str, ...]] = {}
    unchanged: tuple[str, ...] = ()


class RetryPolicy(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """When and how a task that failed is tried again.

    Attributes:
        max: Most repetitions, each a new attempt.
        on: Only after these failures; empty: after each for which trying again can help.
        base_s: Delay before the first repetition; it doubles with each.
        max_s: Longest such delay. What a model API asks for is waited for, even if it is longer.
        jitter_s: Most that is added to a delay at random, within `max_s`.
        resume: `auto`: go on in the agent's session after failures that have cut a turn short,
            begin anew after others; `never`: always begin anew.
    """

    max: int = 1
    on: tuple[Failure, ...] = ()
    base_s: float = 1.0
    max_s: float = 60.0
    jitter_s: float = 1.0
    resume: Literal["auto", "never"] = "auto"


class Park(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """How far a task waits for the usage window of its account to reset.

    Attributes:
        max_waits: Most windows that it waits for after it has hit their limit itself.
        max_hours: Longest wait for one reset; a window that resets later is not waited for.
    """

    max_waits: int = 10
    max_hours: float = 24.0


class TaskSpec(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """One task. Either `prompt` (an agent works on it) or `command` (a plain program runs).

    Attributes:
        name: Unique in its list; letters, digits, `-`, `_`. Empty: `task-N`.
        prompt: What the agent is asked; reaches it through stdin.
        command: argv of a plain program; no shell is involved.
        agent: Name of the dialect; ignored for a command.
        workspace: Directory to work in; relative to the list's.
        env: More environment variables for the child.
        needs: Names of tasks that must have succeeded first. None: the task before.
        kind: What sort of task it is, in the user's own word: forecasts learn from its equals.
        timeout: Seconds, or `auto`: forecast from history, capped by the setting.
        queue_timeout_s: Longest time from the submit to the start of the first attempt.
        start_timeout_s: Longest time until the first sign of life.
        first_byte_timeout_s: Longest silence before the first output.
        idle_timeout_s: Longest time without progress.
        retries: How often a failed attempt is repeated, where its failure says that can help.
        retry: The same with more to say: after which failures, after which delays, and how.
        park: Wait when the account's usage limit is reached: `true`, or how far. None: as the
            setting `park` says.
        model: Model name in the agent's own words.
        permission_mode: What the agent may do without asking, in Claude Code's words.
        allowed_tools: Tools, or tool patterns, that need no permission.
        disallowed_tools: Tools that are taken away.
        max_turns: Most model turns.
        append_system_prompt: Added to the agent's system prompt.
        session_id: Resume this session of the agent instead of starting a fresh context.
        json_schema: JSON schema that the answer must fit.
        agent_args: More arguments for the agent's CLI, passed as they are.
        expects: What must hold in the workspace afterwards.
        checks: argv lists that must end with status 0 afterwards, run in the workspace in order.
        check_timeout_s: Longest time of one check.
        validation_prompt: What a fresh agent is asked about the work; it may only read.
        repairs: How often a result that was refuted is given back to the agent's session to repair.
        isolation: Where the task works: in its workspace, in a copy of it, or in a git worktree.
        limits: Most memory, processes, output and disk of each attempt.
        budget: What all its attempts, repairs and judges may spend together.
    """

    name: str = ""
    prompt: str | None = None
    command: tuple[str, ...] | None = None
    agent: str = "claude"
    workspace: str | None = None
    env: dict[str, str] = {}
    needs: tuple[str, ...] | None = None
    kind: str = ""
    timeout: float | Literal["auto"] = "auto"
    queue_timeout_s: float | None = None
    start_timeout_s: float | None = None
    first_byte_timeout_s: float | None = None
    idle_timeout_s: float | None = None
    retries: int = 0
    retry: RetryPolicy | None = None
    park: Park | bool | None = None
    model: str | None = None
    permission_mode: PermissionMode | None = None
    allowed_tools: tuple[str, ...] = ()
    disallowed_tools: tuple[str, ...] = ()
    max_turns: int | None = None
    append_system_prompt: str | None = None
    session_id: str | None = None
    json_schema: Schema | None = None
    agent_args: tuple[str, ...] = ()
    expects: Expects | None = None
    checks: tuple[tuple[str, ...], ...] = ()
    check_timeout_s: float = 600.0
    validation_prompt: str | None = None
    repairs: int = 0
    isolation: Isolation = "none"
    limits: Limits = Limits()
    budget: Budget | None = None

    @property
    def dialect(self) -> str:
        """Name of the dialect that runs this task."""
        return "command" if self.command is not None else self.agent


class TaskList(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """An ordered list of tasks, names and defaults filled in, ready to submit.

    Attributes:
        tasks: At least one; every `needs` is filled in.
        workspace: Absolute path.
        stop_on_failure: After a failure, skip what is left (tasks that need the failed one are
            skipped in any case).
        title: For people, in lists.
        priority: Among the lists of one owner, the higher one gets the next free place.
        budget: What its tasks may spend together.
    """

    tasks: tuple[TaskSpec, ...]
    workspace: str
    stop_on_failure: bool = True
    title: str = ""
    priority: int = 0
    budget: Budget | None = None
