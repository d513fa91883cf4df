"""What is kept of several results, and of a turn that was cut short."""

from __future__ import annotations

import json
from typing import Any

from cc_executor.agents.claude.reader import ClaudeReader
from cc_executor.model.failures import Failure
from cc_executor.model.outcomes import Conclusion, EndedBy, Executed
from cc_executor.model.specs import TaskSpec

INIT = {"type": "system", "subtype": "init", "session_id": "s", "model": "opus"}
CANCELLED = Executed(ended_by=EndedBy.CANCEL, exit_code=143)
WELL = Executed(ended_by=EndedBy.EXIT, exit_code=0)


def result(text: str, *, index: int, **fields: Any) -> dict[str, Any]:
    return {
        "type": "result",
        "subtype": "success",
        "is_error": False,
        "result": text,
        "num_turns": 2,
        "result_index": index,
        "model_usage_since_last_result": {"opus": {"costUSD": 0.25, "inputTokens": 5}},
        **fields,
    }


def conclude(*messages: dict[str, Any], executed: Executed = WELL) -> Conclusion:
    reader = ClaudeReader(TaskSpec(prompt="x"))
    for message in messages:
        reader.feed("stdout", json.dumps(message).encode() + b"\n")
    return reader.conclude(executed)


def test_the_last_answer_counts_unless_it_says_nothing() -> None:
    one = result("first", index=0)

    assert conclude(INIT, one, INIT, result("second", index=1)).claimed.text == "second"
    assert conclude(INIT, one, INIT, result("", index=1)).claimed.text == "first"


def test_turns_results_and_costs_are_summed() -> None:
    conclusion = conclude(INIT, result("a", index=0), INIT, result("b", index=1))

    assert conclusion.claimed.num_turns == 4
    assert conclusion.claimed.results == 2
    assert conclusion.cost_usd == 0.5
    assert conclusion.usage is not None
    assert conclusion.usage.input_tokens == 10
    assert (conclusion.model, conclusion.agent_session_id) == ("opus", "s")


def test_the_cost_of_a_turn_that_was_cut_short_is_unknown_and_so_is_the_sum() -> None:
    done = conclude(INIT, result("a", index=0), executed=CANCELLED)
    cut = conclude(INIT, result("a", index=0), INIT, executed=CANCELLED)

    assert (done.cost_usd, done.failure) == (0.25, Failure.CANCELLED)
    assert (cut.cost_usd, cut.usage) == (None, None)


def test_a_failed_result_is_not_made_good_by_one_that_notices_the_end_of_a_background_task() -> (
    None
):
    spent = {"subtype": "error_max_turns", "is_error": True, "terminal_reason": "max_turns"}
    noticed = result("noted", index=1, origin={"kind": "task-notification"})

    conclusion = conclude(INIT, result("", index=0, **spent), INIT, noticed)

    assert conclusion.failure is Failure.MAX_TURNS
    assert conclusion.claimed.terminal_reason == "max_turns"


def test_a_tool_refused_in_any_turn_is_told_once() -> None:
    refused = {"tool_name": "Write", "tool_use_id": "t1"}
    noticed = {"type": "system", "subtype": "permission_denied", **refused}
    first = result("a", index=0, permission_denials=[refused])

    conclusion = conclude(INIT, noticed, first, INIT, result("b", index=1))

    assert conclusion.failure is Failure.PERMISSION_DENIED
    assert [denial.tool for denial in conclusion.claimed.denials] == ["Write"]


def test_the_word_of_an_api_failure_belongs_to_the_result_that_follows_it() -> None:
    overloaded = {
        "type": "assistant",
        "error": "overloaded",
        "is_api_error_message": True,
        "message": {"model": "<synthetic>", "content": []},
    }
    failed = {"is_error": True, "terminal_reason": "api_error"}

    first = conclude(INIT, overloaded, result("API Error", index=0, **failed))
    second = conclude(
        INIT, overloaded, result("a", index=0), INIT, result("API Error", index=1, **failed)
    )

    assert first.failure is Failure.OVERLOADED
    assert second.failure is Failure.API_ERROR
