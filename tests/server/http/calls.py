"""HTTP requests of a few lines, and a server to send them to."""

from __future__ import annotations

import http.client
import json
from typing import Any, NamedTuple

from tests.server.serving import Served


class Answered(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body's value."""
        return json.loads(self.body)


def call(
    server: Served,
    method: str,
    path: str,
    body: object = None,
    *,
    token: str | None = None,
    **headers: str,
) -> Answered:
    """Send a request with the owner's token, or another one; return the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    said = {"Authorization": f"Bearer {token or server.token}", **headers}
    if body is not None:
        said["Content-Type"] = "application/json"
    try:
        data = json.dumps(body) if body is not None else None
        connection.request(method, path, body=data, headers=said)
        answer = connection.getresponse()
        names = {name.lower(): value for name, value in answer.getheaders()}
        return Answered(answer.status, names, answer.read())
    finally:
        connection.close()
