from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_executor.agents.answers import NOT_FOUND, find_json

JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    # Not the halves of surrogate pairs: they are refused.
    | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=4)
    ),
    max_leaves=10,
)


@given(JSON_VALUES)
def test_a_whole_answer_that_is_json_is_the_value(value: object) -> None:
    assert find_json(f"\n {json.dumps(value)} \n") == value


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), JSON_VALUES))
def test_a_fenced_block_is_found_between_words(value: dict[str, object]) -> None:
    assert (
        find_json(f"Here you are:\n\n```json\n{json.dumps(value)}\n```\n\nAnything else?") == value
    )


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), JSON_VALUES))
def test_an_object_is_found_between_words(value: dict[str, object]) -> None:
    assert find_json(f"The answer is {json.dumps(value)}, I think.") == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no json here",
        "{not json}",
        "[1, 2,]",  # never repaired
        "{'a': 1}",
        '{"a": 1, "a": 2}',  # which one was meant?
        '{"a": NaN}',
        '{"a": Infinity}',
        '{"a": 1e999}',
        '{"a": "\\ud83d"}',  # half a character cannot be stored
        '{"a": ' + "[" * 500 + "]" * 500 + "}",
        "```json\n{broken\n```",
        "42 is the answer",  # a number among words is no answer in JSON
    ],
)
def test_what_is_no_strict_json_is_not_found(text: str) -> None:
    assert find_json(text) is NOT_FOUND


def test_null_is_a_value() -> None:
    assert find_json("null") is None


def test_a_block_marked_json_comes_before_others_and_a_later_one_before_an_earlier() -> None:
    text = "```\n[0]\n```\n```json\n[1]\n```\n~~~json\n[2]\n~~~\n```python\n[3]\n```\n"

    assert find_json(text) == [2]
    assert find_json(text, accept=lambda value: value == [1]) == [1]
    assert find_json(text, accept=lambda value: value == [0]) == [0]


def test_the_accepted_one_wins_over_those_that_come_first() -> None:
    text = 'For example {"a": 1}, but really {"b": 2}; see [3].'

    assert find_json(text) == {"a": 1}
    assert find_json(text, accept=lambda value: "b" in value) == {"b": 2}


def test_when_none_is_accepted_the_first_is_returned_so_that_it_can_be_said_what_is_wrong() -> None:
    assert find_json('{"a": 1} or {"b": 2}', accept=lambda _: False) == {"a": 1}


def test_a_fence_inside_a_longer_fence_is_text() -> None:
    text = '````json\n{"code": "```\\n```"}\n````'

    assert find_json(text) == {"code": "```\n```"}


def test_a_fence_that_never_closes_is_read_as_words() -> None:
    assert find_json('```json\n{"a": 1}') == {"a": 1}


@pytest.mark.parametrize("text", ["[" * 1_000_000, "{" * 2_000_000, '{"a":' * 300_000])
def test_brackets_without_end_are_given_up_on(text: str) -> None:
    assert find_json(text) is NOT_FOUND


@given(st.text())
def test_any_text_is_read_without_an_error(text: str) -> None:
    found = find_json(text, accept=lambda _: False)
    assert found is NOT_FOUND or json.loads(json.dumps(found)) == found
