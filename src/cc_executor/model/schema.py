"""JSON schemas of answers: is the schema one, and does a value fit it. Never fetches anything.

`jsonschema` takes longer to import than everything else here together, so only tasks that have a
schema load it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

import msgspec

from cc_executor.errors import InvalidSpec
from cc_executor.model.specs import Schema

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

_MAX_PROBLEM_CHARS: Final = 500


class SchemaProblem(NamedTuple):
    """How a value breaks its schema.

    Attributes:
        where: Path inside the value, e.g. `$.todos[2].done`; `$` is the value itself.
        problem: What is wrong, as a phrase of at most 500 characters.
    """

    where: str
    problem: str


def check_schema(schema: object, *, where: str) -> None:
    """Do nothing when `schema` is a JSON schema that can be validated against here.

    Raises:
        InvalidSpec: It is none, or it refers to something outside itself.
    """
    try:
        _validator(msgspec.json.encode(schema))
    except (TypeError, ValueError, RecursionError) as not_json:
        raise InvalidSpec(where, f"is not JSON: {not_json}") from None
    except InvalidSpec as invalid:
        inner = f"{where}{invalid.where.removeprefix('$')}"
        raise InvalidSpec(inner, invalid.problem, hint=invalid.hint) from None


def validate(value: object, schema: Schema) -> SchemaProblem | None:
    """Return how `value` breaks the schema, None when it fits.

    Args:
        value: JSON values only.
        schema: As accepted by `check_schema`.
    """
    from jsonschema.exceptions import best_match

    try:
        error = best_match(_validator(msgspec.json.encode(schema)).iter_errors(cast("Any", value)))
    except RecursionError:
        return SchemaProblem("$", "cannot be compared: schema or value is nested without end")
    if error is None:
        return None
    return SchemaProblem(error.json_path, _shortened(error.message))


def _shortened(text: str) -> str:
    return text if len(text) <= _MAX_PROBLEM_CHARS else f"{text[: _MAX_PROBLEM_CHARS - 3]}..."


@lru_cache(maxsize=32)
def _validator(encoded: bytes) -> Validator:
    """Return what validates against the schema; encoded, because dicts are no keys.

    Raises:
        InvalidSpec: It is no schema; `where` is a path inside it, beginning with `$`.
    """
    from jsonschema.exceptions import SchemaError
    from jsonschema.validators import Draft202012Validator
    from referencing.jsonschema import EMPTY_REGISTRY

    schema: Any = msgspec.json.decode(encoded)
    if not isinstance(schema, (dict, bool)):
        raise InvalidSpec("$", "must be a mapping, or true or false")
    kind: Any = Draft202012Validator  # the stubs of drafts disagree about boolean schemas
    if isinstance(schema, dict) and "$schema" in schema:
        kind = _kind_named(schema["$schema"])
    try:
        kind.check_schema(schema)
    except SchemaError as error:
        # "not one of array, object, ..." says more than "not valid under any of the given schemas".
        inner = next((each for each in error.context or () if each.validator == "enum"), error)
        raise InvalidSpec(error.json_path, _shortened(inner.message)) from None
    _check_references(schema, str(kind.META_SCHEMA["$schema"]))
    validator: Validator = kind(schema, registry=EMPTY_REGISTRY)
    probes: tuple[Any, ...] = ({}, [], "", 0, None)
    try:
        for probe in probes:
            validator.is_valid(probe)
    except RecursionError:
        raise InvalidSpec("$", "refers to itself without end") from None
    return validator


def _kind_named(dialect: object) -> type[Validator]:
    """Return the validator for what `$schema` says.

    Raises:
        InvalidSpec: Nobody here knows it.
    """
    from jsonschema.validators import validator_for

    # The stubs do not know that the default may be anything.
    kind: Any = validator_for({"$schema": str(dialect)}, default=cast("Any", None))
    if kind is None:
        problem = f"{dialect!r} is no draft of JSON Schema that is known here"
        raise InvalidSpec("$.$schema", problem, hint="Leave `$schema` out for 2020-12.")
    return cast("type[Validator]", kind)


def _check_references(schema: Schema, dialect: str) -> None:
    """Do nothing when every `$ref` leads to a place in the schema itself.

    Raises:
        InvalidSpec: One does not.
    """
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import EMPTY_REGISTRY, specification_with

    root = specification_with(dialect).create_resource(schema)
    left = [(root, EMPTY_REGISTRY.resolver_with_root(root))]
    while left:
        resource, resolver = left.pop()
        contents = resource.contents
        for keyword in ("$ref", "$dynamicRef", "$recursiveRef"):
            target = contents.get(keyword) if isinstance(contents, dict) else None
            if not isinstance(target, str):
                continue
            try:
                resolver.lookup(target)
            except (Unresolvable, ValueError):  # ValueError: a word where an index belongs
                problem = f"{keyword} {target!r} leads to nothing in this schema"
                raise InvalidSpec("$", problem, hint="Put what it needs below `$defs`.") from None
        left += [(inner, resolver.in_subresource(inner)) for inner in resource.subresources()]
