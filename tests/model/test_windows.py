"""Which window keeps a login from being used, and when tasks start again."""

from __future__ import annotations

from cc_executor.model.windows import UsageWindow, opens_at, shut

NOW = 1_700_000_000.0


def window(
    status: str = "rejected",
    resets_in_s: float | None = 60.0,
    *,
    name: str = "five_hour",
    credential: str = "80000000" + "0" * 24,
) -> UsageWindow:
    return UsageWindow(
        credential=credential,
        name=name,
        status=status,
        resets_at=None if resets_in_s is None else NOW + resets_in_s,
        utilization=None,
        seen_at=NOW,
    )


def test_the_rejected_window_that_resets_last_counts() -> None:
    late = window(resets_in_s=3_600, name="seven_day")
    assert shut([window(), late, window("allowed", 7_200, name="x")], NOW) is late


def test_what_has_reset_what_never_said_when_and_what_cannot_be_true_keep_nobody() -> None:
    assert shut([window(resets_in_s=None)], NOW) is None
    assert shut([window()], NOW + 60) is None
    assert shut([window(resets_in_s=30 * 86_400)], NOW) is None
    assert shut([], NOW) is None


def test_tasks_start_a_little_after_the_reset_and_all_of_a_login_at_the_same_moment() -> None:
    assert opens_at(window(resets_in_s=12)) == NOW + 12 + 0.5
    assert opens_at(window(resets_in_s=5 * 3_600)) == NOW + 5 * 3_600 + 30
    assert opens_at(window(credential="0" * 32)) == NOW + 60
    assert NOW + 60 < opens_at(window(credential="f" * 32)) <= NOW + 60 + 3
