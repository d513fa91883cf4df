"""Have everything that happens in an execution sent, from a cursor on, live or long after the end.

The notifications of the stream carry the `subscription`, and begin after this has been answered.

With `encoding` `binary`, each `process.output` is a binary WebSocket message: four bytes, big endian,
that say how long the JSON of the notification is; this JSON, without `data`; then the bytes of the
output as they are, to the end of the message. They may be cut in the middle of a character. All else
stays text. A stream that `session.resume` takes up is sent as text.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from cc_executor.errors import InvalidParams
from cc_executor.model.events import Cursor
from cc_executor.model.principals import Scope

NAME: Final = "stream.subscribe"
SCOPE: Final = Scope.READ


class Params(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    rename={"since": "from"},
):
    """Exactly one of `execution_id` and `task_id`; at most one of `after` and `from`.

    Attributes:
        execution_id: An execution with all its tasks.
        task_id: One task, with what concerns its execution as a whole.
        after: Where the reader was: everything before it has been seen.
        since: `start` (default) or `now`, where there is no cursor.
        agent_events: Whether to read the agent's output as well as pass it on.
        progress: Tell how far each task is by `task.progress`, too: at once, and then when it has
            changed, at most once a second for each task.
        until_end: Go on until the execution has ended; false: stop at what is there now.
        encoding: `text`: output stands in the JSON; `binary`: behind it. Servers that know it say
            `binary` among their capabilities.
    """

    execution_id: str | None = None
    task_id: str | None = None
    after: Cursor | None = None
    since: Literal["start", "now"] | None = None
    agent_events: bool = True
    progress: bool = False
    until_end: bool = True
    encoding: Literal["text", "binary"] = "text"


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """The stream has been opened.

    Attributes:
        subscription: Stands in each notification of this stream.
        head: Where the end of the stream is now.
        cursor: Where this stream begins.
    """

    subscription: str
    execution_id: str
    task_id: str | None
    head: Cursor
    cursor: Cursor


def check(params: Params) -> str:
    """Return the id of what is to be read.

    Raises:
        InvalidParams: There is not exactly one id, or two places to begin.
    """
    if (params.execution_id is None) == (params.task_id is None):
        raise InvalidParams("", "either `execution_id` or `task_id` is needed")
    if params.after is not None and params.since is not None:
        raise InvalidParams("", "`after` and `from` both say where to begin")
    return params.execution_id or params.task_id or ""
