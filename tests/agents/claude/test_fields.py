from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_executor.agents.claude.fields import Fields, read_objects


def fields(text: str) -> Fields:
    objects = read_objects(text.encode())
    assert objects is not None
    (only,) = objects
    return only


ODD = fields(
    '{"text": "x", "int": 3, "float": 3.5, "big": 1e999, "true": true, "null": null,'
    ' "list": [1, {"a": 1}, "s"], "object": {"a": {"b": "c"}}}'
)
NAMES = ("text", "int", "float", "big", "true", "null", "list", "object", "missing")


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("text", {"text": "x"}),
        ("integer", {"int": 3}),
        ("number", {"int": 3.0, "float": 3.5}),
        ("flag", {"true": True}),
    ],
)
def test_a_field_of_another_type_is_none(kind: str, expected: dict[str, object]) -> None:
    found = {name: getattr(ODD, kind)(name) for name in NAMES}

    assert {name: value for name, value in found.items() if value is not None} == expected


def test_objects_are_entered_whether_they_are_there_or_not() -> None:
    assert ODD.child("object").child("a").text("b") == "c"
    assert ODD.child("missing").child("a").text("b") is None
    assert ODD.child("list").text("a") is None
    assert ODD.child_or_none("missing") is None
    assert [child.integer("a") for child in ODD.children("list")] == [1]
    assert ODD.children("object") == ()
    assert ODD.texts("list") == ("s",)
    assert [child.child("b").text("x") for child in ODD.child("object").values()] == [None]


def test_a_value_is_told_from_nothing() -> None:
    assert ODD.value("null") is None
    assert ODD.value("missing") is msgspec.UNSET
    assert ODD.value("list") == [1, {"a": 1}, "s"]


@pytest.mark.parametrize(
    "line", [b"", b" ", b"text", b"{", b'{"a": 1} x', b"[1]", b"[]", b'"x"', b"3", b"null", b"\0"]
)
def test_what_is_no_object_is_none(line: bytes) -> None:
    assert read_objects(line) is None


def test_a_list_of_objects_is_read_like_so_many_lines() -> None:
    objects = read_objects(b'[{"a": 1}, 2, {"a": 3}]')

    assert objects is not None
    assert [one.integer("a") for one in objects] == [1, 3]


def test_bytes_that_are_no_utf8_are_replaced() -> None:
    objects = read_objects(b'{"a": "x\xff"}')

    assert objects is not None
    assert objects[0].text("a") == "x\ufffd"


def test_half_a_character_as_javascript_cuts_them_costs_only_itself() -> None:
    # A string of JavaScript, cut after 30,000 units, may end in the middle of an emoji.
    assert fields('{"a": "cut \\ud83d", "b": "\\ud83d\\ude00"}').text("b") == "\U0001f600"
    assert fields('{"a": "cut \\ud83d", "b": 1}').text("a") == "cut ?"


@pytest.mark.parametrize("depth", [2_000, 200_000])
def test_nesting_beyond_all_bounds_is_unreadable(depth: int) -> None:
    assert read_objects(b'{"a": ' + b"[" * depth + b"]" * depth + b"}") is None


@given(
    st.dictionaries(
        st.text(st.characters(codec="utf-8")), st.integers(-(2**63), 2**63 - 1), max_size=5
    )
)
def test_what_json_says_is_what_is_read(value: dict[str, int]) -> None:
    read = fields(json.dumps(value))

    assert {name: read.integer(name) for name in read.names()} == value
