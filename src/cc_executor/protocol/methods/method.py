"""What a method is: a name, who may call it, the shape of its parameters and of its result."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from functools import cache
from typing import Any, Literal, Protocol, get_args, get_origin

import msgspec

from cc_executor.errors import InvalidParams
from cc_executor.model.principals import Scope
from cc_executor.model.references import nearest
from cc_executor.model.wording import in_words
from cc_executor.protocol.jsonrpc import Params as Given


class Declaration(Protocol):
    """A module of this package that declares a method."""

    @property
    def NAME(self) -> str:  # noqa: N802 - a constant of the module
        """As it is called."""
        ...

    @property
    def SCOPE(self) -> Scope:  # noqa: N802 - a constant of the module
        """What the caller's token must allow."""
        ...

    @property
    def Params(self) -> type[msgspec.Struct]:  # noqa: N802 - a class of the module
        """Shape of its parameters."""
        ...

    @property
    def Result(self) -> type[msgspec.Struct]:  # noqa: N802 - a class of the module
        """Shape of its result."""
        ...


class Method(msgspec.Struct, frozen=True, kw_only=True):
    """One method of the wire.

    Attributes:
        name: As it is called.
        scope: What the caller's token must allow.
        params: Shape of its parameters; the order of fields is that of positions.
        result: Shape of its result.
        meaning: What it does, for the reference.
    """

    name: str
    scope: Scope
    params: type[msgspec.Struct]
    result: type[msgspec.Struct]
    meaning: str

    @classmethod
    def of(cls, module: Declaration) -> Method:
        """Return the method that a module declares."""
        return cls(
            name=module.NAME,
            scope=module.SCOPE,
            params=module.Params,
            result=module.Result,
            meaning=(module.__doc__ or "").strip(),
        )


def read_params(kind: type[msgspec.Struct], given: Given) -> Any:  # noqa: ANN401 - an instance of `kind`
    """Return the parameters of a call as the method declares them.

    Args:
        kind: The method's `Params`.
        given: By name, or by position in the order of the declared fields, where `null` leaves
            one out; None: nothing was given.

    Raises:
        InvalidParams: One is missing, unknown, or has a wrong type or value.
    """
    fields = _fields(kind)
    names = [field.encode_name for field in fields]
    named = given or {}
    if isinstance(named, list):
        if len(named) > len(names):
            many = f"there are {len(named):,}, at most {len(names)} are taken"
            raise InvalidParams("", many)
        pairs = zip(names, named, strict=False)
        named = {name: value for name, value in pairs if value is not None}
    for name in named:
        if name not in names:
            short = name[:100]
            hint = nearest(short, names) if names else "There are none."
            raise InvalidParams(short, "is no parameter here", hint=hint)
    for field in fields:
        if field.required and field.encode_name not in named:
            raise InvalidParams(field.encode_name, "is missing")
    try:
        return msgspec.convert(named, kind)
    except msgspec.ValidationError as error:
        path, problem = in_words(error)
        where = path.removeprefix(".")
        if problem.startswith("invalid enum value"):
            top = where.partition("[")[0]
            *others, last = _choices(next(one.type for one in fields if one.encode_name == top))
            problem = f"must be {', '.join(others)} or {last}"
        raise InvalidParams(where, problem) from None


@cache
def _fields(kind: type[msgspec.Struct]) -> tuple[msgspec.structs.FieldInfo, ...]:
    """Return the fields of a method's `Params`: msgspec takes a third of a millisecond for them."""
    return msgspec.structs.fields(kind)


def _choices(kind: Any) -> Iterator[str]:  # noqa: ANN401 - any type that a field can have
    """Yield the words that a parameter with a choice of them may be."""
    if kind is float:
        yield "a number"
    elif isinstance(kind, type) and issubclass(kind, StrEnum):
        yield from map(str, kind)
    elif get_origin(kind) is Literal:
        yield from get_args(kind)
    else:
        for inner in get_args(kind):
            yield from _choices(inner)
