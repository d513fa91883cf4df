from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_executor.errors import InvalidSpec
from cc_executor.model.lifecycle import TaskState
from cc_executor.model.outcomes import Changes, Claimed, EndedBy, Executed, Outcome
from cc_executor.model.references import FIELDS, Reference, references, resolve

OUTCOME = Outcome(
    state=TaskState.SUCCEEDED,
    executed=Executed(ended_by=EndedBy.EXIT, exit_code=0),
    claimed=Claimed(text="forty-two {{ tasks.b.result }}", structured={"n": 1}),
    changes=Changes(created=("a", "b"), modified=("c",)),
    agent_session_id="s",
    cost_usd=0.25,
)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("result", "forty-two {{ tasks.b.result }}"),
        ("json", '{"n":1}'),
        ("exit_code", "0"),
        ("state", "succeeded"),
        ("files_created", "a\nb"),
        ("files_modified", "c"),
        ("session_id", "s"),
        ("cost_usd", "0.25"),
    ],
)
def test_each_field_has_its_value_which_is_not_read_again(field: str, value: str) -> None:
    assert field in FIELDS
    assert resolve(f"<{{{{ tasks.a.{field} }}}}>", {"a": OUTCOME}) == f"<{value}>"


def test_an_escaped_reference_is_text() -> None:
    text = r"\{{ tasks.a.result }} and {{ other }} and {{tasks.a.state}}"

    assert references(text) == (Reference("{{tasks.a.state}}", "a", "state"),)
    assert resolve(text, {"a": OUTCOME}) == "{{ tasks.a.result }} and {{ other }} and succeeded"


def test_a_reference_without_a_value_is_refused() -> None:
    empty = Outcome(state=TaskState.SUCCEEDED)

    for field in ("json", "exit_code", "result", "session_id", "cost_usd"):
        with pytest.raises(InvalidSpec, match="gave none"):
            resolve(f"{{{{ tasks.a.{field} }}}}", {"a": empty})


@given(st.text().filter(lambda text: "tasks." not in text))
def test_text_without_references_stays_as_it_is(text: str) -> None:
    assert resolve(text, {}) == text


def test_every_field_that_exists_is_tested_above() -> None:
    assert all(resolve(f"{{{{ tasks.a.{field} }}}}", {"a": OUTCOME}) for field in FIELDS)


def test_an_answer_of_null_is_an_answer() -> None:
    outcome = Outcome(state=TaskState.SUCCEEDED, claimed=Claimed(structured=None))

    assert resolve("{{ tasks.a.json }}", {"a": outcome}) == "null"


@pytest.mark.parametrize(
    "text",
    [
        "{{ tasks. }}",
        "{{ tasks.a }}",
        "{{ tasks.a.b.c }}",
        "{{ tasks.a.result | upper }}",
        "{{ tasks.a.answer }}",
        "{{ tasks.a.result }",
        "{{ tasks.a.\nresult }}",
    ],
)
def test_what_begins_like_a_reference_and_is_none_is_refused_with_the_way_out(text: str) -> None:
    with pytest.raises(InvalidSpec) as refusal:
        references(text)

    assert r"\{{" in refusal.value.hint
    assert resolve("\\" + text, {}) == text


@pytest.mark.parametrize("answer", ["a\0b", "\ud800"])
def test_an_answer_that_no_program_can_receive_is_not_put_in(answer: str) -> None:
    outcome = Outcome(state=TaskState.SUCCEEDED, claimed=Claimed(text=answer))

    with pytest.raises(InvalidSpec, match="no program can receive"):
        resolve("{{ tasks.a.result }}", {"a": outcome})


def test_a_prompt_does_not_grow_without_bound() -> None:
    outcome = Outcome(state=TaskState.SUCCEEDED, claimed=Claimed(text="\xe9" * 50))

    assert len(resolve("{{ tasks.a.result }}", {"a": outcome}, max_bytes=100)) == 50
    for text in ("x{{ tasks.a.result }}", "{{ tasks.a.result }}" * 2):
        with pytest.raises(InvalidSpec, match="exceed 100 bytes"):
            resolve(text, {"a": outcome}, max_bytes=100)


@given(st.text())
def test_an_answer_arrives_as_it_is(answer: str) -> None:
    outcome = Outcome(state=TaskState.SUCCEEDED, claimed=Claimed(text=answer))
    if "\0" in answer:
        return

    assert resolve("<{{ tasks.a.result }}>", {"a": outcome}) == f"<{answer}>"
