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
)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("result", "forty-two {{ tasks.b.result }}"),
        ("json", '{"n": 1}'),
        ("exit_code", "0"),
        ("state", "succeeded"),
        ("files_created", "a\nb"),
        ("files_modified", "c"),
        ("session_id", "s"),
    ],
)
def test_each_field_has_its_value_which_is_not_read_again(field: str, value: str) -> None:
    assert field in FIELDS
    assert resolve(f"<{{{{ tasks.a.{field} }}}}>", {"a": OUTCOME}) == f"<{value}>"


def test_an_escaped_reference_is_text() -> None:
    text = r"\{{ tasks.a.result }} and {{ other }} and {{tasks.a.state}}"

    assert references(text) == (Reference("a", "state"),)
    assert resolve(text, {"a": OUTCOME}) == "{{ tasks.a.result }} and {{ other }} and succeeded"


def test_a_reference_without_a_value_is_refused() -> None:
    empty = Outcome(state=TaskState.SUCCEEDED)

    for field in ("json", "exit_code", "result", "session_id"):
        with pytest.raises(InvalidSpec):
            resolve(f"{{{{ tasks.a.{field} }}}}", {"a": empty})


@given(st.text().filter(lambda text: "tasks." not in text))
def test_text_without_references_stays_as_it_is(text: str) -> None:
    assert resolve(text, {}) == text
