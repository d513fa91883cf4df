"""A scripted model on loopback: real agent CLIs run against it, offline and without an account.

    with ModelApi([Scenario("greet", [say("Hello.")])]) as api:
        environment = offline_environment(home, api.base_url)

What it says depends on the conversation that is sent, not on how often it was asked: a retry
and a resumed session get the answer that belongs to them.
"""

from __future__ import annotations

from cc_executor.testing.model_api.faults import (
    Drop,
    Fault,
    Overload,
    Refuse,
    Slow,
    Stall,
    prompt_too_long,
    refuse,
    usage_limit,
)
from cc_executor.testing.model_api.script import (
    Model,
    Reply,
    Scenario,
    Scenarios,
    Text,
    ToolUse,
    Turn,
    Usage,
    say,
    structured,
    use,
)
from cc_executor.testing.model_api.server import ModelApi, NoSuchRequest
from cc_executor.testing.model_api.talk import Message, Request, ToolResult

__all__ = [
    "Drop",
    "Fault",
    "Message",
    "Model",
    "ModelApi",
    "NoSuchRequest",
    "Overload",
    "Refuse",
    "Reply",
    "Request",
    "Scenario",
    "Scenarios",
    "Slow",
    "Stall",
    "Text",
    "ToolResult",
    "ToolUse",
    "Turn",
    "Usage",
    "prompt_too_long",
    "refuse",
    "say",
    "structured",
    "usage_limit",
    "use",
]
