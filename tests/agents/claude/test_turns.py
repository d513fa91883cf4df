from __future__ import annotations

import json
from typing import Any

import pytest

from cc_executor.agents.claude.reader import ClaudeReader
from cc_executor.model.events import Message, Turn
from cc_executor.model.outcomes import Usage
from cc_executor.model.specs import TaskSpec
from tests.agents.claude_runs import stdout_of


def turns(data: bytes) -> list[Turn]:
    read = ClaudeReader(TaskSpec(prompt="x")).feed("stdout", data)
    return [event for event, _ in read if isinstance(event, Turn)]


def said(answer: str | None, *, parent: str | None = None, model: str = "opus") -> bytes:
    message: dict[str, Any] = {"model": model, "content": [{"type": "text", "text": "x"}]}
    if answer is not None:
        message["id"] = answer
    line = {"type": "assistant", "message": message, "parent_tool_use_id": parent}
    return json.dumps(line).encode() + b"\n"


@pytest.mark.parametrize(
    ("run", "count"),
    [("hello_stream", 1), ("parallel_tools", 2), ("multi_e2e", 6), ("bash_background", 3)],
)
def test_each_answer_of_the_model_is_a_turn_however_many_messages_it_comes_in(
    run: str, count: int
) -> None:
    found = turns(stdout_of(run))

    assert len(found) == count
    assert found[0] == Turn(usage=Usage(input_tokens=1000, output_tokens=1))


def test_a_turn_stands_before_what_is_said_in_it() -> None:
    events = [event for event, _ in ClaudeReader(TaskSpec(prompt="x")).feed("stdout", said("m1"))]

    assert events == [Turn(), Message(text="x")]


def test_subagents_have_turns_of_their_own_that_end_none_of_the_agents() -> None:
    lines = said("m1") + said("s1", parent="t1") + said("m1") + said("s1", parent="t1")

    assert turns(lines) == [Turn(), Turn(subagent=True)]


def test_what_the_cli_says_itself_is_no_turn_of_the_model() -> None:
    assert turns(said("m1", model="<synthetic>")) == []
    assert turns(said(None)) == []
