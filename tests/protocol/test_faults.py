from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from cc_executor.errors import (
    AccessDenied,
    AgentNotInstalled,
    AgentSessionBusy,
    AmbiguousId,
    CCExecutorError,
    CommandNotAllowed,
    Conflict,
    ExecutionNotFound,
    IdempotencyConflict,
    InvalidParams,
    InvalidRequest,
    InvalidSpec,
    InvalidTaskFile,
    InvalidTransition,
    LimitReached,
    MalformedMessage,
    NotARequest,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    NotResponding,
    OriginRefused,
    RateLimited,
    RefusedByServer,
    ResourcesShort,
    ServerFailed,
    ServerUnavailable,
    SessionNotFound,
    StaleWrite,
    StoreUnavailable,
    StreamBroken,
    TaskNotFound,
    TooManySessions,
    Unavailable,
    UnknownAgent,
    UnknownMethod,
)
from cc_executor.model.failures import Failure
from cc_executor.model.lifecycle import TaskState
from cc_executor.model.outcomes import Outcome, TaskCancelled, TaskFailed, TaskTimedOut
from cc_executor.protocol.faults import SIGNS, Fault, error_from, fault_of, signs_of

TIMED_OUT = Outcome(state=TaskState.TIMED_OUT, failure=Failure.TIMED_OUT, detail="idle")

#: One of each kind that has facts of a kind of its own, with the signs that clients rely on.
REFUSALS: list[tuple[CCExecutorError, int, int]] = [
    (MalformedMessage("is not UTF-8 at byte 3"), -32700, 400),
    (NotARequest("it is no object"), -32600, 400),
    (UnknownMethod("exceute"), -32601, 404),
    (InvalidParams("after.seq", "expected a whole number, got text", hint="Count."), -32602, 422),
    (InvalidSpec("tasks[2].timeout", "must be above 0"), -32602, 422),
    (InvalidTaskFile("a.yaml", "is a list", line=3, column=None), -32602, 422),
    (UnknownAgent("cloude", ("claude", "command")), -32602, 422),
    (ServerFailed(), -32603, 500),
    (CommandNotAllowed("/bin/rm"), -32001, 403),
    (ExecutionNotFound("e1"), -32002, 404),
    (TaskNotFound("e1.2"), -32002, 404),
    (SessionNotFound(), -32002, 404),
    (AmbiguousId("e", ("e1", "e2")), -32002, 404),
    (TooManySessions("max_sessions", value=100, asked=101, unit="sessions"), -32003, 429),
    (InvalidTransition("succeeded", "cancel"), -32010, 409),
    (StaleWrite("e1", held=1, current=2), -32010, 409),
    (AgentSessionBusy("s", "e1.1.1"), -32010, 409),
    (IdempotencyConflict("k", "e1"), -32010, 409),
    (NotAuthenticated(), -32011, 401),
    (NotPermitted("run"), -32012, 403),
    (OriginRefused("Origin", "http://evil.example"), -32012, 403),
    (LimitReached("max_queued", value=10, asked=11, unit="executions"), -32013, 429),
    (RateLimited(value=60, asked=61, retry_after_s=1.5), -32014, 429),
    (AgentNotInstalled("claude", ("/usr/bin",), hint="Install it."), -32015, 503),
    (NotResponding("the supervisor", 60.0), -32015, 503),
    (StoreUnavailable("the disk is full"), -32015, 503),
    (ServerUnavailable("127.0.0.1:8003", "refused"), -32015, 503),
    (StreamBroken("e1.1.1", expected=3, offset=6), -32015, 503),
    (RefusedByServer("moon.full", -32099, "the moon is full", {"phase": 1.0}), -32015, 503),
    (ResourcesShort("disk", free_mb=3.5, needed_mb=512), -32016, 503),
    (TaskTimedOut("e1.1", TIMED_OUT, "half an ans"), -32017, 409),
    (TaskCancelled("e1.1", Outcome(state=TaskState.CANCELLED)), -32017, 409),
]
NAMES = [type(refusal).__name__ for refusal, *_ in REFUSALS]
BY_NAME = pytest.mark.parametrize("refusal", [refusal for refusal, *_ in REFUSALS], ids=NAMES)


def on_the_wire(fault: Fault) -> Fault:
    return msgspec.json.decode(msgspec.json.encode(fault), type=Fault)


@pytest.mark.parametrize(("refusal", "rpc", "http"), REFUSALS, ids=NAMES)
def test_a_refusal_has_the_signs_of_its_family(
    refusal: CCExecutorError, rpc: int, http: int
) -> None:
    assert signs_of(refusal) == (rpc, http)
    assert fault_of(refusal).code == rpc


@BY_NAME
def test_a_refusal_is_the_same_on_the_other_side(refusal: CCExecutorError) -> None:
    there = error_from(on_the_wire(fault_of(refusal)))

    assert type(there) is type(refusal)
    assert vars(there) == {"hint": refusal.hint, **vars(refusal)}
    assert (str(there), there.hint) == (str(refusal), refusal.hint)
    assert (there.code, there.retryable) == (refusal.code, refusal.retryable)


@BY_NAME
def test_a_refusal_says_its_facts_to_programs(refusal: CCExecutorError) -> None:
    data = on_the_wire(fault_of(refusal)).data

    assert data["code"] == refusal.code
    assert data["hint"] == refusal.hint
    assert data["retryable"] is refusal.retryable
    assert set(data) == {"code", "hint", "retryable", *vars(refusal)}


def every(kind: type[CCExecutorError]) -> Iterator[type[CCExecutorError]]:
    yield kind
    for below in kind.__subclasses__():
        if below.__module__ in ("cc_executor.errors", "cc_executor.model.outcomes"):
            yield from every(below)


@pytest.mark.parametrize("kind", list(every(CCExecutorError)), ids=lambda kind: kind.__name__)
def test_every_refusal_keeps_its_facts_under_the_names_that_make_it(
    kind: type[CCExecutorError],
) -> None:
    """What `error_from` stands on: a parameter of a class is a field of its errors."""
    init = kind.__init__.__code__ if hasattr(kind.__init__, "__code__") else None
    parameters = init.co_varnames[1 : init.co_argcount + init.co_kwonlyargcount] if init else ()

    error = kind.__new__(kind)
    given = {name: _anything(name) for name in parameters}
    error.__init__(**given)  # type: ignore[misc]  # each class has parameters of its own

    assert {name: getattr(error, name) for name in parameters} == given


def _anything(name: str) -> object:
    if name == "outcome":
        return TIMED_OUT
    numbers = {"value", "asked", "free_mb", "needed_mb", "waited_s", "retry_after_s"}
    return 1.0 if name in numbers else "x"


def test_the_families_of_the_table_differ() -> None:
    codes = [signs.rpc for signs in SIGNS.values()]

    assert len(set(codes)) == len(codes)
    assert all(-32700 <= code <= -32000 for code in codes)
    assert all(400 <= signs.http <= 599 for signs in SIGNS.values())


@pytest.mark.parametrize(
    "family", [InvalidRequest, NotFound, Conflict, AccessDenied, LimitReached, Unavailable]
)
def test_a_refusal_that_is_made_tomorrow_has_the_signs_of_its_family(
    family: type[CCExecutorError],
) -> None:
    class Tomorrow(family):  # type: ignore[misc, valid-type]  # any of the families
        code = "test.tomorrow"

    assert signs_of(Tomorrow.__new__(Tomorrow)) == SIGNS[family]


@pytest.mark.parametrize(
    "error", [RuntimeError("password=hunter2"), KeyError("hunter2"), KeyboardInterrupt("hunter2")]
)
def test_what_is_no_refusal_of_ours_tells_nothing_of_itself(error: BaseException) -> None:
    fault = fault_of(error)

    assert signs_of(error) == (fault.code, 500) == (-32603, 500)
    assert "hunter2" not in msgspec.json.encode(fault).decode()
    assert isinstance(error_from(on_the_wire(fault)), ServerFailed)


@pytest.mark.parametrize(
    "fault",
    [
        Fault(code=-32099, message="no"),
        Fault(code=-32099, message="no", data="text"),
        Fault(code=-32099, message="no", data={"code": 5, "hint": 7}),
        Fault(code=-32099, message="no", data={"code": "moon.full"}),
        Fault(code=-32002, message="no", data={"code": "task.not_found"}),
        Fault(code=-32002, message="no", data={"code": "task.not_found", "task_id": 5}),
        Fault(
            code=-32017, message="no", data={"code": "task.failed", "task_id": "e", "outcome": 1}
        ),
    ],
)
def test_what_cannot_be_told_exactly_is_told_as_it_came(fault: Fault) -> None:
    error = error_from(fault)

    assert type(error) is RefusedByServer
    assert (error.number, str(error)) == (fault.code, "no")


def test_the_facts_of_a_refusal_that_is_unknown_here_are_kept() -> None:
    data = {"code": "moon.full", "hint": "Wait.", "retryable": True, "phase": 0.5}

    error = error_from(Fault(code=-32099, message="the moon is full", data=data))

    assert isinstance(error, RefusedByServer)
    assert (error.refusal, error.hint) == ("moon.full", "Wait.")
    assert error.facts == {"retryable": True, "phase": 0.5}


def test_a_failed_task_arrives_with_its_outcome() -> None:
    failed = TaskFailed("e1.1", TIMED_OUT, "half")

    there = error_from(on_the_wire(fault_of(failed)))

    assert isinstance(there, TaskFailed)
    assert there.outcome == TIMED_OUT
    assert there.partial_output == "half"
