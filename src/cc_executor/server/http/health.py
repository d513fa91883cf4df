"""Whether the server is alive, ready and well, and who asks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from cc_executor.errors import CCExecutorError, NotPermitted
from cc_executor.model.principals import Principal, Scope
from cc_executor.server.app import PRINCIPAL
from cc_executor.server.http import answers
from cc_executor.server.http.requests import who

#: Names what is looked at, and looks: raises what is wrong with it.
Checks = dict[str, Callable[[], Awaitable[None]]]


class Health:
    """The handlers.

    Args:
        checks: What the server needs, each with a look at it.
        is_accepting: Whether new work is taken; not while it drains.
        facts: Returns what `status` says.
    """

    def __init__(
        self,
        checks: Checks,
        is_accepting: Callable[[], bool],
        facts: Callable[[Principal], Awaitable[dict[str, Any]]],
    ) -> None:
        self._checks = checks
        self._is_accepting = is_accepting
        self._facts = facts

    async def alive(self, _request: Request) -> Response:
        """`GET /healthz`: 200 as long as the loop turns. Needs no token, tells nothing."""
        return answers.json({"status": "ok"})

    async def ready(self, _request: Request) -> Response:
        """`GET /ready`: 200 when new work would be taken, else 503. Needs no token."""
        problems = await self._problems()
        ready = not problems and self._is_accepting()
        return answers.json(
            {"status": "ready" if ready else "not ready"}, status=200 if ready else 503
        )

    async def health(self, request: Request) -> Response:
        """`GET /health`: each thing that the server needs, with what is wrong; 503 if anything is."""
        principal = who(request)
        if not principal.may(Scope.READ):
            raise NotPermitted(Scope.READ)
        problems = await self._problems()
        checks = {
            name: {"ok": False, "problem": str(problems[name]), "hint": problems[name].hint}
            if name in problems
            else {"ok": True}
            for name in self._checks
        }
        facts = await self._facts(principal)
        status = "ok" if not problems else "degraded"
        if not self._is_accepting():
            status = "draining"
        return answers.json(
            {"status": status, "checks": checks, **facts}, status=503 if problems else 200
        )

    async def auth(self, request: Request) -> Response:
        """`GET /auth/status`: whether the token is valid, whose it is and what it may."""
        principal = request.scope["state"][PRINCIPAL]
        if principal is None:
            return answers.json({"authenticated": False})
        return answers.json(
            {
                "authenticated": True,
                "principal": principal.name,
                "scopes": sorted(principal.scopes),
            }
        )

    async def _problems(self) -> dict[str, CCExecutorError]:
        problems = {}
        for name, check in self._checks.items():
            try:
                await check()
            except CCExecutorError as problem:
                problems[name] = problem
        return problems
