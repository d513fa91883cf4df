"""What a dialect is: three pure functions around one agent CLI.

`TaskSpec -> Launch`, `bytes -> events`, `(events, exit) -> Conclusion`. No I/O and no clock, so
that recorded transcripts can test it. Adding an agent is adding a file beside this one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from cc_executor.model.budgets import Caps
from cc_executor.model.events import AgentEvent, Stream
from cc_executor.model.launch import Launch, Timers
from cc_executor.model.outcomes import Conclusion, Executed
from cc_executor.model.specs import TaskSpec


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What the engine found out about the world for one attempt.

    Attributes:
        attempt_id: Id of the attempt.
        executable: Absolute path of the agent's program (or of a command's argv[0]).
        cwd: Absolute path of the workspace.
        env: The environment the child may have: already filtered by `inherits`.
        scratch: Absolute path of a private directory for the child's temporary files.
        new_session_id: A fresh UUID for agents that let the caller name their session.
        timers: As resolved for this task.
    """

    attempt_id: str
    executable: str
    cwd: str
    env: Mapping[str, str]
    scratch: str
    new_session_id: str
    timers: Timers


class LoginQuery(msgspec.Struct, frozen=True, kw_only=True):
    """How to find out whether an agent has a login, without a request to its model API.

    Attributes:
        evidence: Environment variables, any of which makes a question unnecessary.
        arguments: What to ask the program; it answers with a JSON object.
        key: The boolean in that object.
        how_to_log_in: For people.
    """

    evidence: tuple[str, ...]
    arguments: tuple[str, ...]
    key: str
    how_to_log_in: str


class Activity(msgspec.Struct, frozen=True, kw_only=True):
    """What the output read so far says about whether silence is healthy.

    Attributes:
        hold: Why silence is healthy now (`tool Bash`, `api retry 2`), None if it is not. The same
            words mean the same excuse: a new one, which has its time before it, has others.
        hold_s: How long that excuse lasts, from when it was read; None: until more is read.
        hold_until: The same as an instant, seconds since the epoch, where the agent names one.
        finished: A result was given, stdin needs nothing and nothing runs in the background.
    """

    hold: str | None = None
    hold_s: float | None = None
    hold_until: float | None = None
    finished: bool = False


class Reader(Protocol):
    """Reads one attempt's output, in any pieces, and says at the end what it means."""

    @property
    def activity(self) -> Activity:
        """What the output fed so far says about silence."""
        ...

    def feed(self, stream: Stream, data: bytes) -> Sequence[tuple[AgentEvent, bool]]:
        """Take the next bytes and return the events they completed, oldest first.

        The bool says whether the event is progress (status pings and retries are not).
        Memory is bounded whatever is fed.
        """
        ...

    def conclude(self, executed: Executed) -> Conclusion:
        """Return what the attempt came to. A last line without a newline counts."""
        ...


class Dialect(Protocol):
    """One agent CLI."""

    @property
    def name(self) -> str:
        """What `agent:` says in a task list."""
        ...

    @property
    def inherits(self) -> Sequence[str]:
        """Names of environment variables that the child may inherit; a final `*` is a prefix."""
        ...

    @property
    def program(self) -> str | None:
        """Name to look for on PATH; None when the task itself names it."""
        ...

    @property
    def bundles(self) -> Sequence[tuple[str, str]]:
        """Installed Python packages that carry the program: package, path inside it."""
        ...

    @property
    def how_to_install(self) -> str:
        """For people."""
        ...

    @property
    def login_query(self) -> LoginQuery | None:
        """How to find out whether it has a login; None when it needs none."""
        ...

    @property
    def preamble_tokens(self) -> int:
        """Tokens that the agent itself puts before the prompt, for the first forecast."""
        ...

    def credential_of(self, env: Mapping[str, str]) -> str | None:
        """Return what tells apart the login that a child with this environment uses.

        It holds secrets, and is for a keyed hash only. None: it uses none.
        """
        ...

    def session_of(self, spec: TaskSpec, surroundings: Surroundings) -> str | None:
        """Return the agent session that the attempt will hold exclusively, None without."""
        ...

    def launch(self, spec: TaskSpec, surroundings: Surroundings) -> Launch:
        """Return the child process that carries out the task.

        Raises:
            InvalidSpec: The task asks for something that this agent cannot do.
        """
        ...

    def limited(self, launch: Launch, caps: Caps) -> Launch:
        """Return the child with limits that it is told of, as far as it understands them."""
        ...

    def reader(self, spec: TaskSpec) -> Reader:
        """Return a fresh reader for one attempt."""
        ...
