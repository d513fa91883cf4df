"""A page of another site, in a real browser: it gets nothing, and nothing is started."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from cc_executor.testing.browser import Browser
from tests.server.security.stage import Stage
from tests.server.serving import Served

#: A browser starts, and each of 78 attempts may take as long as it takes to be refused.
PATIENCE_S: Final = 90.0
EVIL: Final = "evil.example"
FRIEND: Final = "tasks.example"
LIST: Final = b'{"tasks": [{"name": "one", "command": ["true"]}]}'


@pytest.fixture
def stage() -> Iterator[Stage]:
    with Stage() as stage:
        yield stage


def _page(name: str, facts: dict[str, Any]) -> str:
    text = Path(__file__).with_name(name).read_text(encoding="utf-8")
    return text.replace("FACTS", json.dumps(facts), 1)


def _first(served: Served) -> str:
    with served.connect() as raw:
        json_type = [("Content-Type", "application/json")]
        raw.request("POST", "/execute?wait=true", json_type, token=served.token, body=LIST)
        answer = raw.answer()
    assert answer.status == 200, answer
    return str(answer.json()["execution_id"])


@pytest.mark.parametrize("no_auth", [False, True], ids=["with tokens", "without authentication"])
def test_a_page_of_another_site_gets_nothing_and_starts_nothing(
    *, no_auth: bool, stage: Stage, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    canary = tmp_path / "canary"
    caplog.set_level(logging.WARNING, "cc_executor.server.app")
    with Served(
        tmp_path / "home",
        insecure_no_auth=no_auth,
        allowed_origins=f"http://{FRIEND}:{stage.port}",
    ) as served:
        execution = _first(served)
        stage.target = served.port
        bases = [
            f"http://127.0.0.1:{served.port}",  # another origin
            f"http://localhost:{served.port}",
            f"http://{EVIL}:{stage.port}",  # its own origin, which leads to us by now
        ]
        facts = {"bases": bases, "canary": str(canary), "execution": execution}
        stage.page = _page("stranger.html", {**facts, "reports": stage.reports})
        caplog.clear()
        with Browser(f"http://{EVIL}:{stage.port}/page", names=[EVIL]):
            tried = stage.report(within_s=PATIENCE_S)
        assert [one["execution_id"] for one in served.executions()] == [execution]
    assert not canary.exists()
    assert [one for one in tried if one["got"] is not None] == []
    assert {one["base"] for one in tried} == set(bases)
    # The browser has kept nothing back that would have been dangerous: the server has refused it.
    refused = [
        one for one in caplog.records if getattr(one, "refusal", "") == "access.origin_refused"
    ]
    assert len(refused) >= len(tried) * 3 // 4


def test_a_page_of_an_allowed_origin_with_a_token_can_do_all_of_it(
    stage: Stage, tmp_path: Path
) -> None:
    """So what the other page lacks is the permission, not the means."""
    with Served(tmp_path / "home", allowed_origins=f"http://{FRIEND}:{stage.port}") as served:
        facts = {"base": f"http://127.0.0.1:{served.port}", "token": served.token}
        stage.page = _page("friend.html", {**facts, "reports": stage.reports})
        with Browser(f"http://{FRIEND}:{stage.port}/page", names=[FRIEND]):
            said = stage.report(within_s=PATIENCE_S)
    assert isinstance(said, dict), said
    assert re.fullmatch(r"/executions/[0-9a-z]+", said.pop("location"))
    assert said == {
        "state": "succeeded",
        "result": "hello\n",
        "events": True,
        "refused": 401,
        "deleted": 200,
        "socket": "jsonrpc connected",
    }
