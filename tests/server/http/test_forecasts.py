"""Forecasts over HTTP and JSON-RPC, and what /metrics tells of them; nobody sees what is another's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cc_executor.model.forecasts import Band
from cc_executor.model.lifecycle import TaskState
from cc_executor.model.principals import Principal, Scope
from cc_executor.model.records import ExecutionRecord, Host
from cc_executor.model.specs import TaskList, TaskSpec
from cc_executor.server.http.expectations import MOST_EXECUTIONS, Expectations, Expected
from cc_executor.store.tokens import TokenFiles
from tests.server.http.calls import call
from tests.server.http.test_executions import listed
from tests.server.rpc.test_rpc import error
from tests.server.serving import Served, eventually
from tests.server.streams.wire import Wire

ANY: dict[str, Any] = {"tasks": [{"prompt": "a"}, {"command": ["true"]}]}


def test_a_list_is_forecast_and_nothing_is_started(server: Served) -> None:
    answer = call(server, "POST", "/forecast", ANY)

    assert answer.status == 200
    assert [task["name"] for task in answer.json["tasks"]] == ["task-1", "task-2"]
    whole = answer.json["forecast"]
    assert (whole["method"], whole["observations"]) == ("formula", 0)
    band = whole["duration_s"]
    assert 0 < band["p50"] <= band["p90"] <= band["p99"]
    assert whole["cost_usd"] is None  # unknown, not nothing
    assert (answer.json["execution_id"], answer.json["state"]) == (None, None)
    assert call(server, "GET", "/executions").json["executions"] == []


def test_what_an_execution_has_left_is_told_to_its_owner_alone(
    server: Served, workspace: Path
) -> None:
    files = TokenFiles(server.home)
    _, mine = files.create("me", [Scope.RUN, Scope.READ, Scope.CONTROL], now_s=0)
    _, other = files.create("other", [Scope.READ], now_s=0)
    _, runner = files.create("runner", [Scope.RUN], now_s=0)
    eventually(lambda: call(server, "GET", "/executions", token=other).status == 200)
    asked = listed(workspace, ["sleep", "60"], ["true"])
    place = call(server, "POST", "/execute", asked, token=mine).headers["location"]

    left = call(server, "GET", f"{place}/forecast", token=mine)
    assert left.status == 200
    assert [task["name"] for task in left.json["tasks"]] == ["task-1", "task-2"]
    assert f"/executions/{left.json['execution_id']}" == place
    assert call(server, "GET", f"{place}/forecast", token=other).status == 404
    assert call(server, "GET", f"{place}/forecast", token=runner).status == 403
    assert call(server, "POST", "/forecast", ANY, token=other).status == 200
    assert call(server, "POST", "/forecast", ANY, token=runner).status == 403

    eventually(lambda: b"forecast_left_seconds{" in metrics(server, mine))
    assert b"forecast_left_seconds{" not in metrics(server, other)
    assert b"forecast_left_seconds{" in metrics(server, server.token)  # may see everything
    assert call(server, "DELETE", place, token=mine).json["state"] == "cancelled"
    assert b"forecast_left_seconds{" not in metrics(server, mine)
    ended = call(server, "GET", f"{place}/forecast", token=mine).json
    assert (ended["tasks"], ended["forecast"]["duration_s"]["p99"]) == ([], 0.0)


def metrics(server: Served, token: str) -> bytes:
    answer = call(server, "GET", "/metrics", token=token)
    assert answer.status == 200
    return answer.body


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"tasks": []}, "spec.invalid"),
        ({"tasks": [{"promt": "x"}]}, "spec.invalid"),
        ({"tasks": [{"prompt": "x", "agent": "nobody"}]}, "agent.unknown"),
        ({"tasks": [{"prompt": "x", "kind": "no kind!"}]}, "spec.invalid"),
    ],
)
def test_what_cannot_be_forecast_is_told_what_is_wrong(
    server: Served, body: object, code: str
) -> None:
    answer = call(server, "POST", "/forecast", body)

    assert answer.status == 422
    assert answer.json["error"]["code"] == code


def test_completed_runs_are_counted_by_how_good_their_forecast_was(
    server: Served, workspace: Path
) -> None:
    for command in (["true"], ["true"], ["false"]):
        call(server, "POST", "/execute?wait=true", listed(workspace, command))

    text = metrics(server, server.token).decode()
    counted = re.findall(
        r'^cc_executor_completed_runs_total\{agent="(\w+)",within="(\w+)"\} (\S+)$',
        text,
        re.MULTILINE,
    )
    assert {(agent, within in ("p50", "p90", "p99", "beyond")) for agent, within, _ in counted} == {
        ("command", True)
    }
    assert sum(float(count) for _, _, count in counted) == 2  # the failure is no completed run


async def test_the_wire_tells_the_same(server: Served, workspace: Path) -> None:
    ended = call(server, "POST", "/execute?wait=true", listed(workspace, ["true"])).json
    async with Wire(server) as wire:
        asked = await wire.call("forecast.get", **ANY, workspace="/anywhere", title="x")
        left = await wire.call("forecast.get", execution_id=ended["execution_id"])
        task = await wire.call("task.get", task_id=f"{ended['execution_id']}.1")
        for wrong in ({}, {"execution_id": "x", "tasks": ["x"]}):
            refused = await error(wire, "forecast.get", **wrong)
            assert refused["data"]["code"] == "params.invalid"

    assert asked == call(server, "POST", "/forecast", ANY).json
    assert (left["state"], left["tasks"]) == ("succeeded", [])
    assert task["forecast"]["method"] == "formula"


def test_no_more_executions_than_a_bound_become_series() -> None:
    band = Band(p50=1.0, p90=2.0, p99=3.0)

    def left() -> Iterator[tuple[ExecutionRecord, Band]]:
        for number in range(MOST_EXECUTIONS + 10):
            spec = TaskSpec(name="t", prompt="x")
            yield (
                ExecutionRecord(
                    id=f"run{number}",
                    host=Host.SERVER,
                    state=TaskState.RUNNING,
                    task_list=TaskList(tasks=(spec,), workspace="/w"),
                    created_at=1.0,
                    principal="me",
                ),
                band,
            )

    who = Principal(name="me", scopes=frozenset({Scope.READ}))
    _, gauge = Expectations(Expected({}, left), who).collect()
    assert len(gauge.samples) == 3 * MOST_EXECUTIONS
    assert {sample.value for sample in gauge.samples} == {1.0, 2.0, 3.0}
