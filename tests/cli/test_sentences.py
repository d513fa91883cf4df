from __future__ import annotations

import pytest

from cc_executor.cli.render.sentences import sentence
from cc_executor.model.events import (
    AgentEvent,
    AgentStarted,
    ApiRetry,
    BackgroundTasks,
    FromAgent,
    LimitNotice,
    Message,
    Other,
    PermissionDenied,
    StreamEvent,
    ToolCall,
    ToolResult,
)
from cc_executor.model.outcomes import Denial
from cc_executor.store.laws import KINDS
from tests.cli.fakes import AT, ID, lifecycle


def agent(event: AgentEvent) -> FromAgent:
    return FromAgent(task_id=f"{ID}.1", attempt=1, seq=0, at=AT, event=event)


SAID: list[tuple[StreamEvent, str | None]] = [
    (lifecycle("execution.submitted", tasks=2, workspace="/w"), "submitted: 2 tasks in /w"),
    (lifecycle("attempt.starting", attempt=1, agent="claude"), "started (claude)"),
    (lifecycle("attempt.starting", attempt=2, agent="claude"), "started (claude, attempt 2)"),
    (lifecycle("task.retried"), "is tried again"),
    (
        lifecycle("task.succeeded", duration_s=26.0, cost_usd=0.01),
        "succeeded after 26 s for $0.0100",
    ),
    (
        lifecycle("task.failed", failure="exit_status", message="exit status 3", duration_s=1.0),
        "failed after 1.0 s: exit_status: exit status 3",
    ),
    (
        lifecycle("task.timed_out", failure="timed_out", detail="idle"),
        "timed out: timed_out (idle)",
    ),
    (lifecycle("task.paused"), "paused"),
    (lifecycle("task.a_later_kind"), "a later kind"),
    (lifecycle("execution.succeeded"), None),
    (lifecycle("attempt.ended", attempt=1), None),
    (agent(Message(text="First.\nSecond.")), "First."),
    (agent(Message(text="Fir", partial=True)), None),
    (agent(Message(text=" \n ")), None),
    (agent(ToolCall(id="1", name="Bash", summary="ls\x1b[2J")), "Bash ls\ufffd[2J"),
    (agent(ToolResult(id="1", ok=True, text="fine")), None),
    (agent(ToolResult(id="1", ok=False, text="no such file")), "tool failed: no such file"),
    (agent(PermissionDenied(denial=Denial(tool="Bash"))), "was denied Bash"),
    (
        agent(ApiRetry(attempt=1, error="overloaded", delay_s=0.5)),
        "model API: overloaded; retry 1 in 0.5 s",
    ),
    (agent(LimitNotice(status="allowed")), None),
    (
        agent(LimitNotice(status="rejected", window="five_hour")),
        "usage limit (five_hour): rejected",
    ),
    (agent(BackgroundTasks(running=1)), "1 tool running in the background"),
    (agent(BackgroundTasks(running=0)), None),
    (agent(AgentStarted()), None),
    (agent(Other(kind="system/status")), None),
]


@pytest.mark.parametrize(("event", "said"), SAID, ids=map(str, range(len(SAID))))
def test_what_happened_is_one_plain_line(event: StreamEvent, said: str | None) -> None:
    assert sentence(event) == said


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_of_event_can_be_said(kind: str) -> None:
    said = sentence(lifecycle(kind, attempt=1, message="a\nb", failure="x"))

    assert said is None or "\n" not in said
