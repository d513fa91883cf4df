"""Files of tasks over HTTP: a list, and each of them whole or by ranges."""

from __future__ import annotations

import os
import re
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from cc_executor.errors import MessageTooLarge, RangeNotSatisfiable
from cc_executor.server.artefacts import Artefacts, Opened, pieces
from cc_executor.server.http import answers
from cc_executor.server.http.requests import who

#: Most bytes of one answer; larger files are fetched by ranges.
MAX_ANSWER_BYTES: Final = 1 << 30
#: One range, as curl and browsers ask for. Source: RFC 9110, 14.1.2.
_RANGE: Final = re.compile(r"bytes=(?:([0-9]{1,18})-([0-9]{1,18})?|-([0-9]{1,18}))")


class Files:
    """The handlers.

    Args:
        artefacts: Finds and opens them.
    """

    def __init__(self, artefacts: Artefacts) -> None:
        self._artefacts = artefacts

    async def list(self, request: Request) -> Response:
        """`GET /executions/{id}/files`: what its tasks have written, as recorded."""
        found = await self._artefacts.list(who(request), str(request.path_params["execution_id"]))
        return answers.json({"files": [msgspec.to_builtins(one) for one in found]})

    async def fetch(self, request: Request) -> Response:
        """`GET /executions/{id}/files/{path}`: one of them as it is now, whole or one `Range` of it."""
        opened = await self._artefacts.open(
            who(request),
            str(request.path_params["execution_id"]),
            str(request.path_params["path"]),
            task_id=request.query_params.get("task_id"),
        )
        try:
            start, length, is_part = _wanted(request.headers.get("range"), opened.size)
            if length > MAX_ANSWER_BYTES:
                raise MessageTooLarge(
                    "an answer", value=MAX_ANSWER_BYTES, asked=length, unit="bytes"
                )
        except BaseException:
            os.close(opened.descriptor)
            raise
        return StreamingResponse(
            pieces(opened, start, length),
            status_code=206 if is_part else 200,
            media_type="application/octet-stream",  # whatever it is, a browser shall not show it
            headers=_headers(opened, start, length, is_part=is_part),
        )


def _wanted(said: str | None, size: int) -> tuple[int, int, bool]:
    """Return where to begin, how much, and whether it is a part."""
    asked = _RANGE.fullmatch(said) if said is not None else None
    if asked is None:
        return 0, size, False  # several ranges, or other units: the whole is allowed
    if asked[3] is not None:
        length = min(int(asked[3]), size)
        start = size - length
    else:
        start = int(asked[1])
        length = min(int(asked[2]) + 1 if asked[2] else size, size) - start
    if length <= 0:
        raise RangeNotSatisfiable(size)
    return start, length, True


def _headers(opened: Opened, start: int, length: int, *, is_part: bool) -> dict[str, str]:
    headers = {
        "accept-ranges": "bytes",
        "cache-control": "no-store",
        "content-disposition": "attachment",
        "content-length": str(length),
    }
    if is_part:
        headers["content-range"] = f"bytes {start}-{start + length - 1}/{opened.size}"
    if opened.artefact.sha256 is not None:
        headers["x-recorded-sha256"] = opened.artefact.sha256
    return headers
