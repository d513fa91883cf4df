from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec
import pytest

from cc_executor.errors import InvalidParams, UnknownMethod
from cc_executor.model.events import Cursor
from cc_executor.model.lists import LIST_FIELDS as TASK_FILE_FIELDS
from cc_executor.model.lists import task_list
from cc_executor.model.principals import Scope
from cc_executor.model.records import Wish
from cc_executor.model.specs import TaskList
from cc_executor.protocol import jsonrpc
from cc_executor.protocol.jsonrpc import Limits, Request, Single
from cc_executor.protocol.methods import (
    METHODS,
    control,
    execute,
    forecast_get,
    method_named,
    read_params,
    stream_subscribe,
    task_list_submit,
)
from cc_executor.protocol.methods.execution_list import Params as ListParams

#: The promise of the wire: a method, the scope it asks for, its parameters in their order.
PROMISED: Final = {
    "execute": ("run", "command prompt agent timeout cwd env idempotency_key concurrent"),
    "control": ("control", "type task_id"),
    "hook_status": ("read", ""),
    "status": ("read", ""),
    "task_list.submit": (
        "run",
        (
            "tasks workspace agent defaults title stop_on_failure priority budget park"
            " sequential idempotency_key execution_id records"
        ),
    ),
    "execution.get": ("read", "execution_id records"),
    "execution.progress": ("read", "execution_id"),
    "execution.wait": ("read", "execution_id within_s records"),
    "execution.list": ("read", "states before limit records"),
    "execution.cancel": ("control", "execution_id now records"),
    "execution.pause": ("control", "execution_id records"),
    "execution.resume": ("control", "execution_id records"),
    "execution.continue": ("run", "execution_id records"),
    "task.get": ("read", "task_id"),
    "task.cancel": ("control", "task_id now"),
    "task.pause": ("control", "task_id"),
    "task.resume": ("control", "task_id"),
    "stream.subscribe": (
        "read",
        "execution_id task_id after from agent_events progress until_end encoding",
    ),
    "stream.ack": ("read", "subscription cursor"),
    "stream.unsubscribe": ("read", "subscription"),
    "session.resume": ("read", "token cursors"),
    "history.list": ("read", "before limit records"),
    "forecast.get": (
        "read",
        (
            "execution_id tasks workspace agent defaults title stop_on_failure priority budget"
            " park sequential"
        ),
    ),
}


STATES: Final = (
    "must be queued, running, paused, succeeded, failed, timed_out, cancelled, lost or skipped"
)


def read(method: str, params: Any) -> Any:
    """Return the parameters as they come out of a message."""
    message = jsonrpc.request(1, method, params)
    decoded = jsonrpc.decode(message, Limits())
    assert isinstance(decoded, Single)
    assert isinstance(decoded.call, Request)
    return read_params(method_named(decoded.call.method).params, decoded.call.params)


def test_every_method_is_there_with_its_scope_and_its_parameters() -> None:
    declared = {
        name: (
            str(method.scope),
            " ".join(field.encode_name for field in msgspec.structs.fields(method.params)),
        )
        for name, method in METHODS.items()
    }
    assert declared == PROMISED


@pytest.mark.parametrize("method", METHODS.values(), ids=list(METHODS))
def test_every_method_says_what_it_does(method: Any) -> None:
    assert method.meaning.partition("\n")[0].endswith(".")
    assert isinstance(method.scope, Scope)
    assert method.params.__struct_config__.forbid_unknown_fields


def test_a_method_that_is_not_there_is_refused() -> None:
    with pytest.raises(UnknownMethod, match="'Execute'"):
        method_named("Execute")


def test_a_refusal_does_not_repeat_a_long_name() -> None:
    with pytest.raises(UnknownMethod) as refusal:
        method_named("x" * 10_000_000)
    assert len(str(refusal.value)) < 200


# --- parameters ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("by_position", "by_name"),
    [
        (["echo hi"], {"command": "echo hi"}),
        ([["echo", "hi"]], {"command": ["echo", "hi"]}),
        ([None, "Explain.", "claude"], {"prompt": "Explain.", "agent": "claude"}),
        (["true", None, None, 30], {"command": "true", "timeout": 30}),
        (["true"] + [None] * 6 + [True], {"command": "true", "concurrent": True}),
        ([None], {}),
        ([], {}),
    ],
)
def test_parameters_by_position_are_those_by_name(
    by_position: list[Any], by_name: dict[str, Any]
) -> None:
    assert read("execute", by_position) == read("execute", by_name)


@pytest.mark.parametrize("nothing", [None, [], {}])
def test_a_method_without_parameters_takes_none_of_any_kind(nothing: Any) -> None:
    assert read_params(METHODS["status"].params, nothing) == METHODS["status"].params()


@pytest.mark.parametrize(
    ("method", "params", "where", "problem"),
    [
        ("execute", {"comand": "true"}, "comand", "is no parameter here"),
        ("execute", {"command": 5}, "command", "expected text or a list, got a whole number"),
        ("execute", {"command": [1]}, "command[0]", "expected text, got a whole number"),
        ("execute", {"command": {}}, "command", "expected text or a list, got a mapping"),
        ("execute", {"prompt": ["x"]}, "prompt", "expected text, got a list"),
        ("execute", {"timeout": "soon"}, "timeout", "must be a number or auto"),
        ("execute", {"timeout": True}, "timeout", "expected a number or text, got true or false"),
        ("execute", {"env": []}, "env", "expected a mapping, got a list"),
        ("execute", {"env": {"A": 1}}, "env[...]", "expected text, got a whole number"),
        ("execute", {"concurrent": 1}, "concurrent", "expected true or false, got a whole number"),
        ("execute", {"concurrent": None}, "concurrent", "expected true or false, got nothing"),
        ("execute", [None] * 9, "", "there are 9, at most 8 are taken"),
        ("hook_status", {"verbose": True}, "verbose", "is no parameter here"),
        ("hook_status", [1], "", "there are 1, at most 0 are taken"),
        ("control", {}, "type", "is missing"),
        ("control", [], "type", "is missing"),
        ("control", [None], "type", "is missing"),
        ("control", {"type": "pause"}, "type", "must be PAUSE, RESUME or CANCEL"),
        ("control", {"type": "KILL"}, "type", "must be PAUSE, RESUME or CANCEL"),
        ("control", {"type": None}, "type", "expected text, got nothing"),
        ("task_list.submit", {}, "tasks", "is missing"),
        ("task_list.submit", {"tasks": "Explain."}, "tasks", "expected a list, got text"),
        ("task_list.submit", {"tasks": [], "x": 1}, "x", "is no parameter here"),
        ("execution.get", {}, "execution_id", "is missing"),
        ("execution.get", {"execution_id": 5}, "execution_id", "expected text, got a whole number"),
        ("execution.list", {"limit": 0}, "limit", "expected a whole number >= 1"),
        ("execution.list", {"limit": 1001}, "limit", "expected a whole number <= 1000"),
        ("execution.list", {"limit": 1.5}, "limit", "expected a whole number, got a number"),
        ("execution.list", {"limit": 10**30}, "limit", "expected a whole number <= 1000"),
        ("execution.list", {"states": "running"}, "states", "expected a list, got text"),
        (
            "execution.list",
            {"states": ["done"]},
            "states[0]",
            STATES,
        ),
        ("task.get", {"task": "e.1"}, "task", "is no parameter here"),
        (
            "stream.subscribe",
            {"after": {"seq": "1"}},
            "after.seq",
            "expected a whole number, got text",
        ),
        ("stream.subscribe", {"after": 5}, "after", "expected a mapping, got a whole number"),
        ("stream.subscribe", {"since": "now"}, "since", "is no parameter here"),
        ("stream.subscribe", {"from": "later"}, "from", "must be start or now"),
        ("stream.ack", {"subscription": "s"}, "cursor", "is missing"),
        (
            "stream.ack",
            {"subscription": "s", "cursor": {"chunks": {"e.1.1": 1.5}}},
            "cursor.chunks[...]",
            "expected a whole number, got a number",
        ),
        ("session.resume", {"token": None}, "token", "expected text, got nothing"),
        ("history.list", {"limit": -1}, "limit", "expected a whole number >= 1"),
    ],
)
def test_a_parameter_that_is_wrong_is_named(
    method: str, params: Any, where: str, problem: str
) -> None:
    with pytest.raises(InvalidParams) as refusal:
        read(method, params)

    assert (refusal.value.where, refusal.value.problem) == (where, problem)


def test_a_parameter_that_is_misspelt_has_a_hint() -> None:
    with pytest.raises(InvalidParams) as refusal:
        read("execute", {"comand": "true"})

    assert refusal.value.hint == "Did you mean 'command'?"


# --- execute -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "value"),
    [
        ({"command": "echo hi"}, {"tasks": [{"command": ["echo", "hi"]}]}),
        (
            {"command": "a 'b  c' \"d e\" f\\ g"},
            {"tasks": [{"command": ["a", "b  c", "d e", "f g"]}]},
        ),
        ({"command": ["a b", "$HOME; rm"]}, {"tasks": [{"command": ["a b", "$HOME; rm"]}]}),
        ({"command": "echo $HOME;id|wc"}, {"tasks": [{"command": ["echo", "$HOME;id|wc"]}]}),
        ({"prompt": "Explain."}, {"tasks": [{"prompt": "Explain."}]}),
        (
            {
                "prompt": "Explain.",
                "agent": "claude",
                "timeout": "auto",
                "cwd": "sub",
                "env": {"A": "b"},
            },
            {
                "tasks": [
                    {"prompt": "Explain.", "agent": "claude", "timeout": "auto", "env": {"A": "b"}}
                ],
                "workspace": "sub",
            },
        ),
    ],
)
def test_execute_asks_for_a_list_of_one_task(params: Any, value: Any) -> None:
    asked = execute.task_list_value(read("execute", params))

    assert asked == value
    assert len(task_list(asked, workspace="/w").tasks) == 1


@pytest.mark.parametrize(
    ("params", "where", "problem"),
    [
        ({}, "", "either `command` or `prompt` is needed"),
        ({"command": "true", "prompt": "x"}, "", "either `command` or `prompt` is needed"),
        ({"command": "echo 'hi"}, "command", "no closing quotation"),
        ({"command": "echo hi\\"}, "command", "no escaped character"),
        (
            {"command": "x" * 70_000},
            "command",
            "has 70,000 characters; as a string it can have 65,536",
        ),
    ],
)
def test_execute_refuses_what_is_no_task(params: Any, where: str, problem: str) -> None:
    with pytest.raises(InvalidParams) as refusal:
        execute.task_list_value(read("execute", params))

    assert (refusal.value.where, refusal.value.problem) == (where, problem)


# --- the others that are more than a shape -------------------------------------------------------


def test_each_kind_of_control_has_a_wish_and_a_status() -> None:
    assert control.CONTROLS == {
        "PAUSE": (Wish.PAUSE, "paused"),
        "RESUME": (Wish.RESUME, "resumed"),
        "CANCEL": (Wish.CANCEL, "canceled"),
    }


@pytest.mark.parametrize(
    "value",
    [
        ["Explain this."],
        {"tasks": ["one", {"command": ["true"], "needs": []}], "title": "both", "agent": "claude"},
        {
            "tasks": [
                {
                    "name": "api",
                    "prompt": "Create app.py",
                    "expects": {"files": ["app.py"], "contains": {"app.py": "def"}},
                    "checks": [["python", "-m", "pytest"]],
                    "json_schema": {"type": "object"},
                    "env": {"A": "b"},
                    "timeout": 5,
                    "retries": 2,
                    "workspace": "sub",
                },
                {"name": "wc", "command": ["wc", "{{ tasks.api.result }}"], "needs": ["api"]},
                {"name": "beside", "prompt": "Something else", "needs": []},
            ],
            "defaults": {"retries": 1, "model": "m", "limits": {"memory_mb": 64}},
            "stop_on_failure": False,
            "workspace": "todo",
            "priority": -7,
            "budget": {"usd": 1.5, "tokens": 9_000, "unknown_cost": "block"},
            "park": {"max_waits": 3},
        },
    ],
)
def test_a_checked_list_is_the_same_on_the_other_side(value: Any) -> None:
    asked: TaskList = task_list(value, workspace="/home/me")

    params = read("task_list.submit", msgspec.to_builtins(task_list_submit.params_for(asked)))

    there = task_list(task_list_submit.task_list_value(params), workspace="/srv")
    assert there == asked


@pytest.mark.parametrize("method", ["task_list.submit", "forecast.get"])
def test_whatever_a_task_file_may_say_a_method_takes(method: str) -> None:
    whole = {
        "tasks": ["x"],
        "workspace": "/srv",
        "agent": "claude",
        "defaults": {"retries": 1},
        "title": "t",
        "stop_on_failure": False,
        "priority": 1,
        "budget": {"minutes": 5},
        "park": True,
    }
    assert set(whole) == set(TASK_FILE_FIELDS), "a new field: methods must take it, too"
    values: dict[str, Callable[[Any], dict[str, Any] | None]] = {
        "task_list.submit": task_list_submit.task_list_value,
        "forecast.get": forecast_get.task_list_value,
    }
    taken = values[method](read(method, whole))

    assert task_list(taken, workspace="/srv") == task_list(whole, workspace="/srv")


def test_a_task_list_on_the_wire_is_one_of_a_task_file() -> None:
    whole = {"tasks": ["x"], "defaults": {"retries": 1}, "agent": "claude", "title": "t"}

    params = read("task_list.submit", {**whole, "idempotency_key": "k", "sequential": False})

    assert task_list_submit.task_list_value(params) == {
        **whole,
        "stop_on_failure": True,
        "priority": 0,
    }
    assert (params.idempotency_key, params.sequential) == ("k", False)


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"execution_id": "e", "task_id": "e.1"},
        {"execution_id": "e", "after": {"seq": 1}, "from": "now"},
    ],
)
def test_a_subscription_is_to_one_thing_from_one_place(params: Any) -> None:
    with pytest.raises(InvalidParams):
        stream_subscribe.check(read("stream.subscribe", params))


def test_a_subscription_says_what_is_read_and_from_where() -> None:
    cursor = {"seq": 3, "chunks": {"e.1.1": 7}}

    params = read("stream.subscribe", {"task_id": "e.1", "after": cursor})

    assert stream_subscribe.check(params) == "e.1"
    assert params.after == Cursor(seq=3, chunks={"e.1.1": 7})
    assert msgspec.json.encode(params.after) == b'{"seq":3,"chunks":{"e.1.1":7}}'


def test_what_a_client_leaves_out_is_not_sent() -> None:
    params = stream_subscribe.Params(execution_id="e", since="now")

    assert msgspec.to_builtins(params) == {"execution_id": "e", "from": "now"}


def test_a_list_is_of_states_that_exist() -> None:
    assert read("execution.list", {"states": ["running", "lost"]}) == ListParams(
        states=("running", "lost")  # type: ignore[arg-type]  # a StrEnum equals its word
    )
