"""JSON schemas: whether one is valid, and whether a value fits it."""

from __future__ import annotations

from typing import Any, NamedTuple

from cc_executor.model.specs import Schema


class SchemaProblem(NamedTuple):
    """Where and how a value breaks its schema, or a schema the rules of schemas.

    Attributes:
        where: Path of the value, e.g. `$.files[2]`; `$` for the whole.
        problem: What is wrong.
    """

    where: str
    problem: str


def check_schema(schema: Schema) -> SchemaProblem | None:
    """Return what is wrong with a schema, None when it is valid."""
    from jsonschema import SchemaError
    from jsonschema.validators import validator_for

    try:
        validator_for(schema).check_schema(schema)  # type: ignore[arg-type] # booleans are schemas, too
    except SchemaError as error:
        return SchemaProblem(error.json_path, error.message)
    return None


def validate(value: Any, schema: Schema) -> SchemaProblem | None:  # noqa: ANN401 - any JSON value
    """Return how the value breaks the schema (its most telling problem), None when it fits."""
    from jsonschema.exceptions import best_match
    from jsonschema.validators import validator_for

    error = best_match(validator_for(schema)(schema).iter_errors(value))
    return None if error is None else SchemaProblem(error.json_path, error.message)
