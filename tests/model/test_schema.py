from __future__ import annotations

from typing import Any

import pytest

from cc_executor.errors import InvalidSpec
from cc_executor.model.schema import SchemaProblem, check_schema, validate

DRAFT_7 = "http://json-schema.org/draft-07/schema#"


@pytest.mark.parametrize(
    "schema",
    [
        True,
        {},
        {"type": "object", "properties": {"n": {"type": "integer"}}},
        {"$defs": {"n": {"type": "integer"}}, "properties": {"n": {"$ref": "#/$defs/n"}}},
        {"$defs": {"n": {"$anchor": "number"}}, "$ref": "#number"},
        {"$schema": DRAFT_7, "definitions": {"n": {}}, "items": {"$ref": "#/definitions/n"}},
        {"properties": {"children": {"items": {"$ref": "#"}}}},
        {"enum": [{}, {"$ref": "http://nowhere/"}], "properties": {"$ref": {"type": "string"}}},
    ],
)
def test_a_schema_is_accepted(schema: Any) -> None:
    check_schema(schema, where="json_schema")

    assert validate({}, schema) is None


@pytest.mark.parametrize(
    ("schema", "where", "problem"),
    [
        (3, "", "mapping"),
        ({"type": "objekt"}, ".type", "'object'"),
        ({"properties": {"n": {"minimum": "1"}}}, ".properties.n.minimum", "number"),
        ({"pattern": "("}, ".pattern", "regex"),
        ({"$ref": "#/$defs/missing"}, "", "leads to nothing"),
        ({"$ref": "http://127.0.0.1:1/schema"}, "", "leads to nothing"),
        ({"items": {"$ref": "other.json"}}, "", "leads to nothing"),
        ({"$schema": "http://nowhere/draft"}, ".$schema", "draft"),
        ({"$schema": 3}, ".$schema", "draft"),
        ({"$ref": "#"}, "", "without end"),
        ({"x": object()}, "", "not JSON"),
    ],
)
def test_what_is_no_schema_is_refused_with_its_place(schema: Any, where: str, problem: str) -> None:
    with pytest.raises(InvalidSpec) as refusal:
        check_schema(schema, where="tasks[0].json_schema")

    assert refusal.value.where == f"tasks[0].json_schema{where}"
    assert problem in refusal.value.problem


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({"todos": [{"done": True}]}, None),
        ({"todos": [{"done": 1}]}, SchemaProblem("$.todos[0].done", "1 is not of type 'boolean'")),
        ([], SchemaProblem("$", "[] is not of type 'object'")),
        (None, SchemaProblem("$", "None is not of type 'object'")),
    ],
)
def test_a_value_fits_or_the_problem_says_where(value: Any, problem: SchemaProblem | None) -> None:
    done = {"type": "object", "properties": {"done": {"type": "boolean"}}}
    schema = {"type": "object", "properties": {"todos": {"type": "array", "items": done}}}

    assert validate(value, schema) == problem


def test_the_draft_that_a_schema_names_is_the_one_that_counts() -> None:
    tuple_items = {"items": [{"type": "string"}]}

    check_schema({"$schema": DRAFT_7, **tuple_items}, where="")
    with pytest.raises(InvalidSpec):
        check_schema(tuple_items, where="")


def test_a_huge_value_makes_no_huge_message() -> None:
    problem = validate("x" * 1_000_000, {"type": "integer"})

    assert problem is not None
    assert len(problem.problem) <= 500


def test_nesting_without_end_is_an_answer_that_does_not_fit() -> None:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]

    problem = validate(value, {"items": {"$ref": "#"}})

    assert problem is not None
    assert "nested" in problem.problem
    while value:  # freed step by step: the interpreter would recurse
        value = value.pop()
