"""Scripts as JSON, for use by hand: `python -m cc_executor.testing.model_api --script FILE`.

    {"scenarios": [{"match": "greet", "turns": [
        {"fault": "refuse", "status": 429, "times": 2, "retry_after_s": 0},
        {"tools": [{"name": "Write", "input": {"file_path": "hi.txt", "content": "hi"}}]},
        {"text": "Done.", "usage": {"output_tokens": 7}, "after": [{"fault": "drop", "times": 1}]}
    ]}]}

A turn is a fault, or a reply of text, tool calls or a structured output. A fault in its own
turn strikes each time; in `after` it strikes before the reply is given.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from cc_executor.testing.model_api.faults import (
    Drop,
    Fault,
    Overload,
    Slow,
    Stall,
    prompt_too_long,
    refuse,
    usage_limit,
)
from cc_executor.testing.model_api.script import (
    Reply,
    Scenario,
    Scenarios,
    Text,
    ToolUse,
    Usage,
    structured,
)

_FAULTS: Final[Mapping[str, Callable[..., Fault]]] = MappingProxyType(
    {
        "refuse": refuse,
        "usage_limit": usage_limit,
        "prompt_too_long": prompt_too_long,
        "overload": Overload,
        "stall": Stall,
        "drop": Drop,
        "slow": Slow,
    }
)


def load(path: Path) -> Scenarios:
    """Return the model that the file at `path` scripts.

    Raises:
        OSError: It cannot be read.
        ValueError: It is no script; the message says where.
    """
    script = json.loads(path.read_text(encoding="utf-8"))
    where = "the script"
    try:
        scenarios = []
        for scenario in script["scenarios"]:
            where = f"scenario {scenario['match']!r}"
            turns = [_turn(turn) for turn in scenario["turns"]]
            scenarios.append(Scenario(scenario["match"], turns))
        where = "otherwise"
        otherwise = _turn(script["otherwise"]) if "otherwise" in script else None
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}: {where}: {type(error).__name__}: {error}") from error
    return Scenarios(scenarios, otherwise)


def _turn(turn: Mapping[str, Any]) -> Reply | Fault:
    if "fault" in turn:
        return _fault(turn)
    _refuse_unknown(turn, {"text", "tools", "structured", "usage", "after"})
    blocks: list[Text | ToolUse] = [Text(turn["text"])] if "text" in turn else []
    blocks += [ToolUse(tool["name"], tool["input"]) for tool in turn.get("tools", ())]
    if "structured" in turn:
        blocks += structured(turn["structured"]).blocks
    faults = tuple(_fault(fault) for fault in turn.get("after", ()))
    return Reply(tuple(blocks), Usage(**turn.get("usage", {})), faults)


def _fault(fault: Mapping[str, Any]) -> Fault:
    parameters = {name: value for name, value in fault.items() if name != "fault"}
    return _FAULTS[fault["fault"]](**parameters)


def _refuse_unknown(turn: Mapping[str, Any], known: set[str]) -> None:
    if unknown := turn.keys() - known:
        raise TypeError(f"a turn has no {', '.join(sorted(unknown))}")
