from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cc_executor.errors import InvalidSpec
from cc_executor.model.ids import (
    ENTROPY_BYTES,
    attempt_id,
    check_execution_id,
    execution_of,
    new_execution_id,
    task_id,
    task_of,
)

ENTROPY = st.binary(min_size=ENTROPY_BYTES, max_size=ENTROPY_BYTES)
INSTANTS = st.floats(0, 4e9)


def test_ids_sort_by_time_and_contain_each_other() -> None:
    entropy = bytes(ENTROPY_BYTES)
    earlier = new_execution_id(now_s=1_000.0, entropy=b"\xff" * ENTROPY_BYTES)
    later = new_execution_id(now_s=1_000.001, entropy=entropy)

    assert earlier < later
    assert check_execution_id(later) == later
    attempt = attempt_id(task_id(later, 3), 2)
    assert attempt == f"{later}.3.2"
    assert task_of(attempt) == f"{later}.3"
    assert execution_of(attempt) == later


@given(INSTANTS, INSTANTS, ENTROPY, ENTROPY)
def test_ids_of_different_milliseconds_sort_like_them(
    one_at: float, other_at: float, one_entropy: bytes, other_entropy: bytes
) -> None:
    one = new_execution_id(now_s=one_at, entropy=one_entropy)
    other = new_execution_id(now_s=other_at, entropy=other_entropy)

    if int(one_at * 1000) < int(other_at * 1000):
        assert one < other
    assert len(one) == len(other)
    assert check_execution_id(one) == one


@pytest.mark.parametrize(
    "wrong", ["", "a.b", "../x", "a/b", "-a", "a b", "a" * 65, "caf\xe9", "a\n", "a\0"]
)
def test_an_id_that_could_not_be_a_folder_everywhere_is_refused(wrong: str) -> None:
    with pytest.raises(InvalidSpec):
        check_execution_id(wrong)


@pytest.mark.parametrize("good", ["a", "0" * 64, "5b5e7b1e-2f6d-4a39-a1a4-3c6cf0f3e6b4"])
def test_a_caller_may_choose_an_id(good: str) -> None:
    assert check_execution_id(good) == good
