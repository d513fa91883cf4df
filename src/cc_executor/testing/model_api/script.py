"""What the scripted model answers: replies, turns, scenarios."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

from cc_executor.testing.model_api.faults import Fault, Refuse
from cc_executor.testing.model_api.talk import Request

STRUCTURED_OUTPUT_TOOL: Final = "StructuredOutput"
_SHOWN_CHARACTERS: Final = 200


@dataclass(frozen=True, slots=True)
class Text:
    """A block of text."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A call of the tool `name` with `input`."""

    name: str
    input: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """Tokens that the model says it has used for one answer."""

    input_tokens: int = 1000
    output_tokens: int = 50
    cache_creation_input_tokens: int = 0
    cache_read_input_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of the model: blocks in order, and the faults that come before it is given."""

    blocks: tuple[Text | ToolUse, ...]
    usage: Usage = Usage()
    faults: tuple[Fault, ...] = ()

    def __and__(self, other: Reply) -> Reply:
        """Return one reply with the blocks of both: text before a tool, tools in parallel."""
        return replace(self, blocks=self.blocks + other.blocks)

    def after(self, *faults: Fault) -> Reply:
        """Return this reply, given only when `faults` have struck as often as they do."""
        return replace(self, faults=self.faults + faults)

    def costing(self, **tokens: int) -> Reply:
        """Return this reply with other numbers in its usage."""
        return replace(self, usage=replace(self.usage, **tokens))


Model: TypeAlias = Callable[[Request], Reply]
Turn: TypeAlias = Reply | Fault | Model


def say(text: str) -> Reply:
    """Return a reply of one text."""
    return Reply((Text(text),))


def use(name: str, /, **tool_input: Any) -> Reply:
    """Return a reply that calls the tool `name`."""
    return Reply((ToolUse(name, tool_input),))


def structured(output: Mapping[str, Any]) -> Reply:
    """Return the reply with which Claude Code's model gives an answer that has a schema."""
    return Reply((ToolUse(STRUCTURED_OUTPUT_TOOL, output),))


@dataclass(frozen=True, slots=True)
class Scenario:
    """The model's part in a conversation.

    Attributes:
        match: Piece of the user's prompt that this scenario answers.
        turns: What the model says first, second and so on after that prompt; the last turn
            also answers whatever comes later.
    """

    match: str
    turns: Sequence[Turn]


@dataclass(slots=True)
class Scenarios:
    """A model that finds its place by the conversation it is sent.

    The scenario is the one whose match stands latest in the conversation, the turn the number
    of times that the model has spoken since. Only the counts of faults are remembered, for
    all conversations together.

    Attributes:
        scenarios: In order of precedence where two fit the same message.
        otherwise: Answers what no scenario fits; None refuses it with status 400, so that a
            test fails at once and says why. A request without tools is one of the CLI's own
            (a title, a summary) and gets a word in any case.
    """

    scenarios: Sequence[Scenario]
    otherwise: Turn | None = None
    _struck: Counter[tuple[int, int, int]] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, request: Request) -> Reply:
        """Return the reply for `request`, with at most one fault: the one that strikes now."""
        found = self._find(request)
        if found is None:
            return self._outside(request)
        scenario, turn = found
        reply = _as_reply(self.scenarios[scenario].turns[turn], request)
        with self._lock:
            for position, fault in enumerate(reply.faults):
                if fault.in_streams_only and not request.streaming:
                    continue
                key = (scenario, turn, position)
                if fault.times is None or self._struck[key] < fault.times:
                    self._struck[key] += 1
                    return replace(reply, faults=(fault,))
        return replace(reply, faults=())

    def _find(self, request: Request) -> tuple[int, int] | None:
        latest = -1
        found = None
        for number, scenario in enumerate(self.scenarios):
            index = request.position(scenario.match)
            if index is not None and index > latest:
                latest = index
                found = number, min(request.turns_after(index), len(scenario.turns) - 1)
        return found

    def _outside(self, request: Request) -> Reply:
        if self.otherwise is not None:
            return _as_reply(self.otherwise, request)
        if not request.tools:
            return say("Scripted.")
        shown = request.prompt[:_SHOWN_CHARACTERS]
        message = f"the script has no scenario for this conversation: {shown}"
        return Reply((), faults=(Refuse(400, "invalid_request_error", message),))


def _as_reply(turn: Turn, request: Request) -> Reply:
    if isinstance(turn, Fault):
        return Reply((), faults=(turn,))
    return turn if isinstance(turn, Reply) else turn(request)
