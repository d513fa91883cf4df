from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cc_executor.forecast.formula import estimate_tokens, first_timeout_s


def test_a_first_timeout_is_a_constant_and_a_part_for_each_token() -> None:
    assert first_timeout_s(0, base_s=60, per_token_s=0.05, max_s=14_400) == 60
    assert first_timeout_s(1_000, base_s=60, per_token_s=0.05, max_s=14_400) == 110
    assert first_timeout_s(10**9, base_s=60, per_token_s=0.05, max_s=14_400) == 14_400


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_more_tokens_never_get_less_time(few: int, more: int) -> None:
    few, more = sorted((few, more))
    bounds = {"base_s": 60.0, "per_token_s": 0.05, "max_s": 14_400.0}

    assert first_timeout_s(few, **bounds) <= first_timeout_s(more, **bounds)


@given(st.text(alphabet=st.characters()), st.text())
def test_text_has_tokens_and_more_text_not_fewer(text: str, more: str) -> None:
    assert (estimate_tokens(text) == 0) == (text == "")
    assert estimate_tokens(text + more) >= estimate_tokens(text)
