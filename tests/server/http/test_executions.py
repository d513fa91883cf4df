"""Executions over HTTP: a failed task is never a 200, a repeated request happens once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cc_executor.model.principals import Scope
from cc_executor.store.tokens import TokenFiles
from tests.server.http.calls import call
from tests.server.serving import Served, eventually


def listed(workspace: Path, *commands: list[str]) -> dict[str, object]:
    return {"workspace": str(workspace), "tasks": [{"command": one} for one in commands]}


def test_a_submit_is_accepted_and_can_be_looked_at(server: Served, workspace: Path) -> None:
    accepted = call(server, "POST", "/execute", listed(workspace, ["echo", "hello"]))
    place = accepted.headers["location"]

    assert accepted.status == 202
    assert place == f"/executions/{accepted.json['execution_id']}"
    eventually(lambda: call(server, "GET", f"{place}/status").json["final"])
    results = call(server, "GET", f"{place}/results")
    assert (results.status, results.json["tasks"][0]["result"]) == (200, "hello\n")


@pytest.mark.parametrize(
    ("task", "status", "state"),
    [
        ({"command": ["true"]}, 200, "succeeded"),
        ({"command": ["false"]}, 502, "failed"),
        ({"command": ["sleep", "60"], "timeout": 0.2}, 504, "timed_out"),
    ],
)
def test_who_waits_gets_a_200_only_for_a_success(
    server: Served, workspace: Path, task: dict[str, object], status: int, state: str
) -> None:
    asked = {"workspace": str(workspace), "tasks": [task]}
    ended = call(server, "POST", "/execute?wait=true&timeout=60", asked)

    assert (ended.status, ended.json["state"]) == (status, state)
    assert call(server, "GET", f"/executions/{ended.json['execution_id']}").status == 200


def test_a_wait_that_is_too_short_says_that_it_runs(server: Served, workspace: Path) -> None:
    asked = listed(workspace, ["sleep", "60"])
    running = call(server, "POST", "/execute?wait=true&timeout=1", asked)
    assert (running.status, running.json["state"]) == (202, "running")

    place = f"/executions/{running.json['execution_id']}"
    assert call(server, "POST", f"{place}/pause").json["state"] == "paused"
    assert call(server, "POST", f"{place}/resume").json["state"] == "running"
    assert call(server, "DELETE", place).json["state"] == "cancelled"
    assert call(server, "DELETE", place).status == 409
    assert call(server, "GET", f"{place}/results").status == 409


def test_the_same_key_gives_the_same_execution(server: Served, workspace: Path) -> None:
    asked = listed(workspace, ["sh", "-c", "echo x >> runs"])
    answers = [
        call(server, "POST", "/execute?wait=true", asked, **{"Idempotency-Key": "k1"})
        for _ in range(3)
    ]
    other = call(
        server, "POST", "/execute", listed(workspace, ["true"]), **{"Idempotency-Key": "k1"}
    )

    assert len({answer.json["execution_id"] for answer in answers}) == 1
    assert (workspace / "runs").read_text() == "x\n"
    assert (other.status, other.json["error"]["code"]) == (409, "idempotency.conflict")


def test_what_was_left_undone_is_continued(server: Served, workspace: Path) -> None:
    asked = listed(workspace, ["test", "-e", "flag"], ["echo", "done"])
    failed = call(server, "POST", "/execute?wait=true", asked).json
    (workspace / "flag").touch()

    place = f"/executions/{failed['execution_id']}/continue?wait=true"
    continued = call(server, "POST", place)

    assert (continued.status, continued.json["continues"]) == (200, failed["execution_id"])


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/executions/none", None, 404, "execution.not_found"),
        ("DELETE", "/executions/none", None, 404, "execution.not_found"),
        ("GET", "/nowhere", None, 404, "path.not_found"),
        ("PUT", "/execute", None, 404, "path.not_found"),
        ("POST", "/execute", {"tasks": []}, 422, "spec.invalid"),
        ("POST", "/execute", {"tasks": [{"promt": "x"}]}, 422, "spec.invalid"),
        ("POST", "/execute", None, 422, "params.invalid"),
        ("GET", "/executions?limit=0", None, 422, "params.invalid"),
        ("GET", "/executions?state=happy", None, 422, "params.invalid"),
        ("POST", "/execute?wait=maybe", {"tasks": ["x"]}, 422, "params.invalid"),
    ],
)
def test_bad_requests_are_told_what_is_wrong(
    server: Served, method: str, path: str, body: object, status: int, code: str
) -> None:
    answer = call(server, method, path, body)

    assert (answer.status, answer.json["error"]["code"]) == (status, code)
    assert answer.json["error"]["hint"]


def test_others_executions_do_not_exist(server: Served, workspace: Path) -> None:
    files = TokenFiles(server.home)
    _, mine = files.create("me", [Scope.RUN, Scope.READ], now_s=0)
    _, other = files.create("other", [Scope.READ, Scope.CONTROL], now_s=0)
    eventually(lambda: call(server, "GET", "/executions", token=other).status == 200)
    asked = listed(workspace, ["true"])
    place = call(server, "POST", "/execute", asked, token=mine).headers["location"]

    assert call(server, "GET", place, token=other).status == 404
    assert call(server, "DELETE", place, token=other).status == 404
    assert call(server, "GET", "/executions", token=other).json["executions"] == []
    assert call(server, "DELETE", place, token=mine).json["error"]["scope"] == "control"
    assert call(server, "POST", "/execute", asked, token=other).status == 403
    assert call(server, "GET", place).status == 200  # the owner's token may everything


def test_lists_come_in_pages(server: Served, workspace: Path) -> None:
    ids = [
        call(server, "POST", "/execute?wait=true", listed(workspace, ["true"])).json["execution_id"]
        for _ in range(3)
    ]
    first = call(server, "GET", "/executions?limit=2").json
    second = call(server, "GET", f"/executions?limit=2&before={first['next']}").json

    pages = [one["execution_id"] for one in (*first["executions"], *second["executions"])]
    assert (pages, second["next"]) == (ids[::-1], None)


def test_health_tells_what_is_wrong_and_the_rest_only_that_it_lives(server: Served) -> None:
    health = call(server, "GET", "/health").json

    assert health["checks"] == {"store": {"ok": True}, "sessions": {"ok": True}}
    assert call(server, "GET", "/healthz", token="wrong").json == {"status": "ok"}
    assert call(server, "GET", "/ready", token="wrong").json == {"status": "ready"}
    assert call(server, "GET", "/auth/status", token="wrong").json == {"authenticated": False}
    assert call(server, "GET", "/auth/status").json["principal"] == "owner"
    assert call(server, "GET", "/health", token="wrong").status == 401


def test_every_route_is_described(server: Served) -> None:
    document = call(server, "GET", "/openapi.json").json
    page = call(server, "GET", "/docs")

    assert document["openapi"] == "3.1.0"
    for path, operations in document["paths"].items():
        assert path.encode() in page.body
        for operation in operations.values():
            assert operation["summary"], path
            named = {one["name"] for one in operation["parameters"] if one["in"] == "path"}
            assert named == {part[1:-1] for part in path.split("/") if part.startswith("{")}
    schemas = document["components"]["schemas"]
    used = json.dumps(document["paths"])
    assert all(f"#/components/schemas/{name}" in used for name in ("ExecutionView", "TaskList"))
    assert {"ExecutionView", "TaskView", "Listing", "Refused", "TaskList"} <= set(schemas)
    assert b"<script" not in page.body
