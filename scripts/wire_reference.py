"""The reference of the wire, as its declarations have it: methods, notifications, shapes, errors."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Final

import msgspec
from msgspec import inspect as kinds

from cc_executor.model.events import AgentEvent, Cursor
from cc_executor.model.forecasts import Band, Forecast
from cc_executor.model.outlooks import Outlook, TaskOutlook
from cc_executor.model.progress import Progress
from cc_executor.model.records import Waiting
from cc_executor.protocol.faults import SIGNS, TOKEN_LIMIT
from cc_executor.protocol.methods import METHODS, session_resume, status
from cc_executor.protocol.notifications import NOTIFICATIONS
from cc_executor.protocol.views import ExecutionView, ListedView, ProgressView, TaskView

#: Shapes that stand inside others, in the order of the reference.
SHAPES: Final[tuple[type[msgspec.Struct], ...]] = (
    Cursor,
    ExecutionView,
    TaskView,
    ListedView,
    ProgressView,
    Progress,
    Waiting,
    Outlook,
    TaskOutlook,
    Forecast,
    Band,
    session_resume.ResumedStream,
    status.ServerFacts,
    status.SessionFacts,
)
#: Values that are told by their shape alone.
SIMPLE: Final[dict[type[kinds.Type], str]] = {
    kinds.AnyType: "any",
    kinds.NoneType: "null",
    kinds.BoolType: "boolean",
    kinds.FloatType: "number",
    kinds.StrType: "string",
    kinds.BytesType: "base64 string",
    kinds.RawType: "any",
}
_ATTRIBUTE: Final = re.compile(r"(?P<name>\w+): (?P<meaning>.*(?:\n {4,}.*)*)")


def methods() -> Iterator[str]:
    """Yield what each method takes and gives."""
    for method in METHODS.values():
        first, _, rest = method.meaning.partition("\n\n")
        yield from ("", f"### `{method.name}`", "", _one_line(first))
        if rest:
            yield from ("", _one_line(rest))
        yield from ("", f"Scope: `{method.scope}`.")
        yield from _table("parameter", method.params)
        if method.result in SHAPES:
            yield from ("", f"Result: {_link(method.result)}.")
        else:
            yield from _table("result", method.result)
    yield ""


def notifications() -> Iterator[str]:
    """Yield what each notification says."""
    for shape in dict.fromkeys(NOTIFICATIONS.values()):
        names = [f"`{name}`" for name, told in NOTIFICATIONS.items() if told is shape]
        yield from ("", f"### {', '.join(names)}", "", _summary(shape))
        yield from _table("parameter", shape)
    yield ""


def shapes() -> Iterator[str]:
    """Yield the shapes that stand inside others."""
    for shape in SHAPES:
        yield from ("", f"### {shape.__name__}", "", _summary(shape))
        yield from _table("member", shape)
    yield from ("", "### AgentEvent", "", "What was read in an agent's output; `type` says which.")
    yield from ("", "| `type` | members | meaning |", "|---|---|---|")
    for event in AgentEvent.__args__:
        members = ", ".join(f"`{field.encode_name}`" for field in msgspec.structs.fields(event))
        yield f"| `{event.__struct_config__.tag}` | {members} | {_summary(event)} |"
    yield ""


def errors() -> Iterator[str]:
    """Yield the codes of refusals, for both doors."""
    yield "| JSON-RPC | HTTP | class, with those below it that have no row of their own | meaning |"
    yield "|---|---|---|---|"
    for kind, signs in SIGNS.items():
        meaning = (kind.__doc__ or "").partition("\n")[0]
        yield f"| {signs.rpc} | {signs.http} | `{kind.__name__}` | {meaning} |"
    yield (
        f"| {TOKEN_LIMIT} |  |  | The agent's token limit: carried by `error.token_limit_exceeded`. |"
    )


# --- parts ---------------------------------------------------------------------------------------


def _table(what: str, shape: type[msgspec.Struct]) -> Iterator[str]:
    fields = msgspec.structs.fields(shape)
    if not fields:
        yield from ("", f"No {what}s.")
        return
    described = kinds.type_info(shape)
    assert isinstance(described, kinds.StructType)
    types = {field.encode_name: field.type for field in described.fields}
    meanings = _meanings(shape)
    yield from ("", f"| {what} | type | default | meaning |", "|---|---|---|---|")
    for field in fields:
        name, meaning = field.encode_name, meanings.get(field.name, "")
        yield f"| `{name}` | {_type(types[name])} | {_default(field)} | {meaning} |"


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return ""
    if field.default_factory is not msgspec.NODEFAULT:
        return f"`{_json(field.default_factory())}`"
    if field.default is msgspec.UNSET:
        return "left out"
    return f"`{_json(field.default)}`"


def _type(described: kinds.Type) -> str:
    if type(described) in SIMPLE:
        return SIMPLE[type(described)]
    match described:
        case kinds.UnionType(types=types):
            if all(isinstance(one, kinds.StructType) for one in types):
                return "[AgentEvent](#agentevent)"
            return " or ".join(_type(one) for one in types if not _is_unset(one))
        case kinds.IntType(ge=least, le=most):
            return "integer" if least is None else f"integer, {least} to {most}"
        case kinds.LiteralType() | kinds.EnumType():
            return _words(described)
        case kinds.DictType(value_type=inner):
            return "object" if isinstance(inner, kinds.AnyType) else f"object of {_type(inner)}"
        case kinds.VarTupleType(item_type=inner) | kinds.ListType(item_type=inner):
            return f"array of {_type(inner)}"
        case kinds.StructType(cls=cls):
            return _link(cls) if cls in SHAPES else "object"
        case _:
            raise TypeError(f"nobody has said how {described!r} is shown")


def _words(described: kinds.LiteralType | kinds.EnumType) -> str:
    words = described.cls if isinstance(described, kinds.EnumType) else described.values
    return " or ".join(f"`{_json(word)}`" for word in words)


def _is_unset(described: kinds.Type) -> bool:
    return "unset" in type(described).__name__.lower()


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _link(shape: type[msgspec.Struct]) -> str:
    return f"[{shape.__name__}](#{shape.__name__.lower()})"


def _summary(shape: type) -> str:
    return _one_line((shape.__doc__ or "").partition("\n\n")[0])


def _meanings(shape: type) -> dict[str, str]:
    """Return what the docstrings of a shape, and of those it extends, say of each attribute."""
    found: dict[str, str] = {}
    for declared in reversed(shape.__mro__):
        _, _, attributes = inspect.cleandoc(declared.__doc__ or "").partition("Attributes:\n")
        for one in _ATTRIBUTE.finditer(inspect.cleandoc(attributes)):
            found[one["name"]] = _one_line(one["meaning"])
    return found


def _one_line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
