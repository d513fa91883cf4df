"""The world does not provide what is needed."""

from __future__ import annotations

from cc_executor.errors.tree import CCExecutorError


class Unavailable(CCExecutorError):
    """Something this machine must provide is missing or does not answer."""

    code = "unavailable"


class AgentNotInstalled(Unavailable):
    """The agent's executable was not found.

    Attributes:
        agent: The agent's name.
        looked_in: Every place that was tried, in order.
    """

    code = "agent.not_installed"

    def __init__(self, agent: str, looked_in: tuple[str, ...], *, hint: str) -> None:
        super().__init__(agent)
        self.agent = agent
        self.looked_in = looked_in
        self.hint = hint

    def __str__(self) -> str:
        return f"the executable of agent {self.agent!r} was not found"


class ProgramNotInstalled(Unavailable):
    """A helper program that is needed is not installed.

    Attributes:
        program: Its name.
        purpose: What it is needed for, as a phrase.
    """

    code = "program.not_installed"

    def __init__(self, program: str, purpose: str, *, hint: str | None = None) -> None:
        super().__init__(program, purpose)
        self.program = program
        self.purpose = purpose
        self.hint = hint or f"Install {program} and put it on PATH."

    def __str__(self) -> str:
        return f"{self.program} is needed {self.purpose} and is not installed"


class AgentNotLoggedIn(Unavailable):
    """The agent has no credentials that it could use."""

    code = "agent.not_logged_in"

    def __init__(self, agent: str, *, hint: str) -> None:
        super().__init__(agent)
        self.agent = agent
        self.hint = hint

    def __str__(self) -> str:
        return f"agent {self.agent!r} is not logged in"


class MissingExtra(Unavailable):
    """A part of the package that is asked for was not installed with it.

    Attributes:
        extra: Name of the part.
        module: What is missing.
    """

    code = "extra.missing"

    def __init__(self, extra: str, module: str) -> None:
        super().__init__(extra, module)
        self.extra = extra
        self.module = module
        self.hint = f"Install it: pip install 'cc-executor[{extra}]'"

    def __str__(self) -> str:
        return f"the part {self.extra!r} of cc-executor is not installed ({self.module} is missing)"


class StateDirectoryRefused(Unavailable):
    """The state directory belongs to somebody else, is too open, or is from a newer version.

    Attributes:
        path: The directory.
        problem: What is wrong, as a phrase.
    """

    code = "state_directory.refused"
    hint = "Set CC_EXECUTOR_HOME to a directory of your own, or upgrade cc-executor."

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(path, problem)
        self.path = path
        self.problem = problem

    def __str__(self) -> str:
        return f"state directory {self.path!r} {self.problem}"


class TokenFileRefused(Unavailable):
    """A file of tokens is missing, open to others, somebody else's, or holds no token.

    Attributes:
        path: The file.
        problem: What is wrong, as a phrase.
    """

    code = "token_file.refused"
    hint = "`cc-executor token rotate` makes a new one."

    def __init__(self, path: str, problem: str, *, hint: str | None = None) -> None:
        super().__init__(path, problem)
        self.path = path
        self.problem = problem
        if hint is not None:
            self.hint = hint

    def __str__(self) -> str:
        return f"token file {self.path!r} {self.problem}"


class StoreUnavailable(Unavailable):
    """The database cannot be opened, read or written (disk full, damaged, locked for too long)."""

    code = "store.unavailable"
    retryable = True
    hint = "Check free disk space and permissions of CC_EXECUTOR_HOME."

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return f"the store is unavailable: {self.problem}"


class SpawnFailed(Unavailable):
    """The spawner or a supervisor could not be started; the agent was not."""

    code = "process.spawn_failed"
    retryable = True
    hint = "Check the limits on processes and open files (`ulimit -a`) and free memory."

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return f"could not start a supervised process: {self.problem}"


class NotResponding(Unavailable):
    """A process of ours did not answer within its bound."""

    code = "process.not_responding"
    retryable = True
    hint = "Try again; if it persists, `cc-executor doctor` shows what is stuck."

    def __init__(self, who: str, waited_s: float) -> None:
        super().__init__(who, waited_s)
        self.who = who
        self.waited_s = waited_s

    def __str__(self) -> str:
        return f"{self.who} did not answer within {self.waited_s:g} s"


class JournalDamaged(Unavailable):
    """An attempt folder holds bytes that contradict their own checksums."""

    code = "journal.damaged"
    hint = "The rest of the output is still readable; look at the disk's health."

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(path, problem)
        self.path = path
        self.problem = problem

    def __str__(self) -> str:
        return f"journal {self.path}: {self.problem}"


class PlatformUnsupported(Unavailable):
    """This operating system cannot run supervised tasks."""

    code = "platform.unsupported"
    hint = "On Windows, run cc-executor inside WSL."

    def __init__(self, platform: str) -> None:
        super().__init__(platform)
        self.platform = platform

    def __str__(self) -> str:
        return f"{self.platform} is not supported"


class ResourcesShort(Unavailable):
    """The machine has too little left to take on new work.

    Attributes:
        resource: `disk` or `memory`.
        free_mb: What is left, in MiB.
        needed_mb: The floor, in MiB.
    """

    code = "resources.short"
    retryable = True
    hint = "Free some, wait until running tasks end, or lower the floor in the settings."

    def __init__(self, resource: str, *, free_mb: float, needed_mb: float) -> None:
        super().__init__(resource, free_mb, needed_mb)
        self.resource = resource
        self.free_mb = free_mb
        self.needed_mb = needed_mb

    def __str__(self) -> str:
        return (
            f"only {self.free_mb:.0f} MiB of {self.resource} are free, {self.needed_mb:g} are kept"
        )


class SessionsUnavailable(Unavailable):
    """Where sessions are kept does not answer; running tasks are not affected.

    Attributes:
        problem: What happened, as a phrase, without addresses or passwords.
    """

    code = "sessions.unavailable"
    retryable = True
    hint = "Connect again in a moment; the output of tasks is kept and can be read from any cursor."

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return f"sessions cannot be reached: {self.problem}"
