"""What must be true before an attempt may start, beyond what its own list says.

A gate is one rule of the world around a list: a usage window that is open, money that is left, room
on the machine. An attempt passes them in order, and what it was given there is settled when it is
over, in the opposite order.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

from cc_executor.model.budgets import Allowance
from cc_executor.model.failures import Failure
from cc_executor.model.outcomes import Outcome
from cc_executor.model.records import ExecutionRecord, TaskRecord, Waiting

if TYPE_CHECKING:  # what is prepared needs the world, and the world has gates
    from cc_executor.engine.prepare import Prepared

#: Tells people why a task waits; None: it does not, or no longer. Repeating it costs nothing.
Tell = Callable[[Waiting | None], Awaitable[None]]


class Candidate(NamedTuple):
    """An attempt that could start.

    Attributes:
        number: Of the attempt, from 1.
        prepared: Ready to start. It may be prepared anew after a wait, from the same spec.
    """

    execution: ExecutionRecord
    task: TaskRecord
    number: int
    prepared: Prepared


class Survivor(NamedTuple):
    """An attempt that an earlier engine started, or was about to start.

    Attributes:
        number: Of the attempt, from 1.
        prepared: None when it cannot be prepared any more: its workspace, or its agent, is gone.
    """

    execution: ExecutionRecord
    task: TaskRecord
    number: int
    prepared: Prepared | None


class GateClosed(Exception):
    """The attempt will never pass: its task ends with this failure, and nothing is started.

    Attributes:
        failure: One whose tasks end as `failed`.
        message: One sentence for people.
        detail: Which limit, where the failure has kinds.
    """

    def __init__(self, failure: Failure, message: str, detail: str | None = None) -> None:
        super().__init__(failure, message, detail)
        self.failure = failure
        self.message = message
        self.detail = detail

    def __str__(self) -> str:
        return self.message


class Pass(Protocol):
    """What a gate has given to one attempt. Exactly one of its methods is called, once."""

    async def settle(self, outcome: Outcome | None) -> None:
        """Take it back: the attempt is over, or will not start now (None).

        An engine that dies between this and the record of the attempt's end leaves an attempt that
        the next one settles again: what is durable is settled by the attempt's id, not counted.
        """
        ...

    def leave(self) -> None:
        """Forget it: the engine lets go of an attempt that may live on.

        Whatever is held in this process only is free again; what is durable stays for the engine
        that takes the attempt up.
        """
        ...


@runtime_checkable
class Allowing(Protocol):
    """A pass that limits what its attempt may spend."""

    @property
    def allowance(self) -> Allowance | None:
        """What the attempt may spend; None: as it likes."""
        ...


class Gate(Protocol):
    """One rule. Where it has nothing to say about an attempt, it costs nothing: no store is asked.

    What it keeps durably must survive an engine that dies at any moment: the same attempt (by its
    task and number) may come in again, and takes over what was reserved for it then.
    """

    async def enter(self, candidate: Candidate, tell: Tell) -> Pass | None:
        """Return when the attempt may start; None: there is nothing to settle.

        It may wait for as long as it takes, and tells why. It is cancelled when somebody stops the
        task or the engine goes away, and then leaves nothing reserved.

        Raises:
            GateClosed: It may never start.
        """
        ...

    async def adopt(self, survivor: Survivor) -> Pass | None:
        """Account for an attempt that did not pass here and may be running; never wait."""
        ...


class Passage:
    """The way of one attempt through the gates and back.

    Args:
        gates: In order.
    """

    def __init__(self, gates: Sequence[Gate]) -> None:
        self._gates = gates
        self._passes: list[Pass] = []

    @property
    def allowance(self) -> Allowance | None:
        """What the attempt may spend, as one of its gates says."""
        limits = [one.allowance for one in self._passes if isinstance(one, Allowing)]
        return next((limit for limit in limits if limit is not None), None)

    async def enter(self, candidate: Candidate, tell: Tell) -> None:
        """Pass all gates, or none.

        Raises:
            GateClosed: One of them is closed for good.
        """
        try:
            for gate in self._gates:
                self._keep(await gate.enter(candidate, tell))
        except BaseException:
            await self.settle(None)
            raise

    async def adopt(self, survivor: Survivor) -> None:
        """Account for an attempt of an earlier engine."""
        for gate in self._gates:
            self._keep(await gate.adopt(survivor))

    async def settle(self, outcome: Outcome | None) -> None:
        """Give everything back; nothing is left to be settled or left afterwards."""
        while self._passes:
            await self._passes.pop().settle(outcome)

    def leave(self) -> None:
        """Let go of what is not settled."""
        while self._passes:
            self._passes.pop().leave()

    def _keep(self, given: Pass | None) -> None:
        if given is not None:
            self._passes.append(given)
