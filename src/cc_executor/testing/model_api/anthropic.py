"""The dialect of Anthropic's Messages API, streaming and not.

Source: the public API reference; that this is enough for Claude Code was measured with
2.1.330 and 2.1.331.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final, cast

from cc_executor.testing.model_api.exchange import Answer, Call
from cc_executor.testing.model_api.faults import Fault, Refuse, Stream
from cc_executor.testing.model_api.script import Model, Reply, Text, ToolUse
from cc_executor.testing.model_api.talk import Message, Request, Role, ToolResult

_JSON: Final = (("content-type", "application/json"),)
_EVENTS: Final = (("content-type", "text/event-stream"), ("cache-control", "no-cache"))
_BYTES_PER_TOKEN: Final = 4
_DELTA_CHARACTERS: Final = 2_000


class AnthropicMessages:
    """Answers the calls of a CLI that believes to talk to Anthropic.

    Args:
        model: Decides what is said.
    """

    def __init__(self, model: Model) -> None:
        self._model = model

    def answer(self, call: Call) -> tuple[Answer, Request | None]:
        """Return what the server does about `call`, and the request for the model in it."""
        match call.method, call.path:
            case "POST", "/v1/messages":
                request = parsed(call)
                return answered(self._model(request), request), request
            case "POST", "/v1/messages/count_tokens":
                tokens = len(call.body) // _BYTES_PER_TOKEN
                return Answer(200, _JSON, (_dump({"input_tokens": tokens}),)), None
            case "HEAD", "/":
                return Answer(200), None
            case _:
                message = f"{call.method} {call.path} is not scripted"
                return _error(Refuse(404, "not_found_error", message)), None


def parsed(call: Call) -> Request:
    """Return the request in `call`.

    Raises:
        ValueError: The body is no JSON.
    """
    body = json.loads(call.body)
    return Request(
        model=str(body.get("model", "")),
        streaming=bool(body.get("stream")),
        messages=tuple(_message(message) for message in body.get("messages", ())),
        tools=tuple(str(tool.get("name", "")) for tool in body.get("tools", ())),
        session_id=call.headers.get("x-claude-code-session-id"),
        headers=call.headers,
        body=body,
    )


def answered(reply: Reply, request: Request) -> Answer:
    """Return `reply` as the API gives it, spoilt by its first fault if it has one."""
    fault = reply.faults[0] if reply.faults else None
    if isinstance(fault, Refuse):
        return _error(fault)
    if request.streaming:
        stream = Stream(
            frames=tuple(_frames(reply, request.model)),
            ping=_event("ping"),
            overloaded=_event("error", error=_problem("overloaded_error", "Overloaded")),
        )
        return Answer(200, _EVENTS, (fault or Fault()).spoil(stream), in_chunks=True)
    body = _dump(_whole(reply, request.model))
    whole = Stream(frames=(body,), ping=b" ", overloaded=b"")
    return Answer(200, _JSON, (fault or Fault()).spoil(whole), in_chunks=fault is not None)


def _message(message: Mapping[str, Any]) -> Message:
    content = message.get("content", "")
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    return Message(
        role=cast("Role", message.get("role", "user")),
        texts=tuple(_texts(blocks)),
        tool_names=tuple(str(block["name"]) for block in _of_type(blocks, "tool_use")),
        tool_results=tuple(
            ToolResult(
                tool_use_id=str(block.get("tool_use_id", "")),
                text=_result_text(block.get("content", "")),
                is_error=bool(block.get("is_error")),
            )
            for block in _of_type(blocks, "tool_result")
        ),
    )


def _of_type(blocks: Sequence[Mapping[str, Any]], kind: str) -> Iterator[Mapping[str, Any]]:
    return (block for block in blocks if block.get("type") == kind)


def _texts(blocks: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    return (str(block.get("text", "")) for block in _of_type(blocks, "text"))


def _result_text(content: str | Sequence[Mapping[str, Any]]) -> str:
    return content if isinstance(content, str) else "\n".join(_texts(content))


def _frames(reply: Reply, model: str) -> Iterator[bytes]:
    opening = _head(model) | {
        "content": [],
        "stop_reason": None,
        "usage": asdict(reply.usage) | {"output_tokens": 1, "service_tier": "standard"},
    }
    yield _event("message_start", message=opening)
    for index, block in enumerate(reply.blocks):
        yield from _block_frames(index, block)
    delta = {"stop_reason": _stop_reason(reply), "stop_sequence": None}
    yield _event("message_delta", delta=delta, usage={"output_tokens": reply.usage.output_tokens})
    yield _event("message_stop")


def _block_frames(index: int, block: Text | ToolUse) -> Iterator[bytes]:
    start, kind, key, whole = _streamed(block)
    yield _event("content_block_start", index=index, content_block=start)
    for first in range(0, len(whole), _DELTA_CHARACTERS):
        delta = {"type": kind, key: whole[first : first + _DELTA_CHARACTERS]}
        yield _event("content_block_delta", index=index, delta=delta)
    yield _event("content_block_stop", index=index)


def _streamed(block: Text | ToolUse) -> tuple[Mapping[str, object], str, str, str]:
    """Return how a block starts; then the kind, the key and the whole content of its deltas."""
    match block:
        case Text(text):
            return {"type": "text", "text": ""}, "text_delta", "text", text
        case ToolUse(_, tool_input):
            start = {**_block(block), "input": {}}
            return start, "input_json_delta", "partial_json", json.dumps(tool_input)


def _whole(reply: Reply, model: str) -> Mapping[str, object]:
    return _head(model) | {
        "content": [_block(block) for block in reply.blocks],
        "stop_reason": _stop_reason(reply),
        "usage": asdict(reply.usage) | {"service_tier": "standard"},
    }


def _block(block: Text | ToolUse) -> Mapping[str, object]:
    match block:
        case Text(text):
            return {"type": "text", "text": text}
        case ToolUse(name, tool_input):
            return {"type": "tool_use", "id": _tool_use_id(), "name": name, "input": tool_input}


def _head(model: str) -> dict[str, object]:
    return {
        "id": f"msg_{uuid.uuid4().hex[:20]}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "stop_sequence": None,
    }


def _tool_use_id() -> str:
    return f"toolu_{uuid.uuid4().hex[:20]}"


def _stop_reason(reply: Reply) -> str:
    return "tool_use" if any(isinstance(b, ToolUse) for b in reply.blocks) else "end_turn"


def _error(refusal: Refuse) -> Answer:
    headers = [*_JSON, ("request-id", "req_scripted"), *refusal.headers]
    if refusal.retry_after_s is not None:
        headers.append(("retry-after", f"{refusal.retry_after_s:g}"))
    body = {"type": "error", "error": _problem(refusal.kind, refusal.message)}
    return Answer(refusal.status, tuple(headers), (_dump(body),))


def _problem(kind: str, message: str) -> Mapping[str, str]:
    return {"type": kind, "message": message}


def _event(kind: str, **fields: object) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), _dump({"type": kind, **fields}))


def _dump(value: Mapping[str, object]) -> bytes:
    return json.dumps(value).encode()
