"""What browsers are told about pages: the one origin that may, by name, and nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest

from tests.server.raw import Answer
from tests.server.serving import Served

ALLOWED: Final = "https://tasks.example"
ASKING: Final = [
    ("Access-Control-Request-Method", "DELETE"),
    ("Access-Control-Request-Headers", "authorization"),
]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("cors") / "home"
    with Served(home, allowed_origins=f"{ALLOWED},https://other.example") as served:
        yield served


def _asked(
    served: Served,
    method: str,
    origin: str | None,
    *more: tuple[str, str],
    token: str | None = None,
) -> Answer:
    headers = [*more, *([("Origin", origin)] if origin is not None else [])]
    with served.connect() as raw:
        raw.request(method, "/executions", headers, token=token)
        return raw.answer()


def test_a_browser_that_asks_for_an_allowed_page_is_told_what_it_may(served: Served) -> None:
    answer = _asked(served, "OPTIONS", ALLOWED, *ASKING)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == ALLOWED
    assert "DELETE" in answer.headers["access-control-allow-methods"]
    assert "authorization" in answer.headers["access-control-allow-headers"]
    assert "access-control-allow-private-network" not in answer.headers


def test_a_browser_that_asks_for_any_other_page_is_refused(served: Served) -> None:
    answer = _asked(served, "OPTIONS", "https://evil.example", *ASKING)
    assert answer.status == 403
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize("token", ["own", "wrong", None])
def test_an_allowed_page_can_read_answers_and_refusals(token: str | None, served: Served) -> None:
    shown = served.token if token == "own" else token
    answer = _asked(served, "GET", ALLOWED, token=shown)
    assert answer.status == (200 if token == "own" else 401)
    assert answer.headers["access-control-allow-origin"] == ALLOWED
    assert answer.headers["vary"] == "Origin"
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("origin", [None, "https://evil.example", "null"])
def test_nobody_else_is_named_and_no_answer_can_be_embedded(
    origin: str | None, served: Served
) -> None:
    answer = _asked(served, "GET", origin, token=served.token)
    assert "access-control-allow-origin" not in answer.headers
    if origin is None:
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["vary"] == "Origin"


def test_asking_without_a_page_is_no_way_around_the_token(served: Served) -> None:
    assert _asked(served, "OPTIONS", None, *ASKING).status == 401
    assert _asked(served, "OPTIONS", ALLOWED).status == 401
    with served.connect() as raw:  # it is answered, never carried out
        raw.request("OPTIONS", "/execute", [("Origin", ALLOWED), *ASKING], body=b'{"tasks": []}')
        assert raw.answer().status == 204
    assert served.executions() == []
