from __future__ import annotations

import pytest

from cc_executor.agents.base import Dialect, Surroundings
from cc_executor.agents.command import KEPT_STDOUT_BYTES, Command
from cc_executor.errors import InvalidSpec
from cc_executor.model.failures import Failure
from cc_executor.model.launch import Timers
from cc_executor.model.outcomes import Conclusion, EndedBy, Executed
from cc_executor.model.specs import TaskSpec

SPEC = TaskSpec(command=("wc", "-l", "$HOME; rm -rf /"))
SURROUNDINGS = Surroundings(
    attempt_id="t1.1",
    executable="/usr/bin/wc",
    cwd="/workspace",
    env={"PATH": "/bin"},
    scratch="/scratch",
    new_session_id="00000000-0000-4000-8000-000000000000",
    timers=Timers(total_s=5.0),
)
DIALECT: Dialect = Command()


def conclude(
    stdout: bytes = b"", stderr: bytes = b"", *, executed: Executed | None = None
) -> Conclusion:
    reader = Command().reader(SPEC)
    assert list(reader.feed("stdout", stdout)) == []
    assert list(reader.feed("stderr", stderr)) == []
    return reader.conclude(executed or Executed(ended_by=EndedBy.EXIT, exit_code=0))


def test_arguments_reach_the_program_as_they_are() -> None:
    launch = Command().launch(SPEC, SURROUNDINGS)

    assert launch.argv == ("/usr/bin/wc", "-l", "$HOME; rm -rf /")
    assert launch.stdin == b""
    assert not launch.keep_stdin_open
    assert not launch.judged
    assert launch.env == {"PATH": "/bin"}
    assert launch.cwd == "/workspace"
    assert launch.timers == Timers(total_s=5.0)
    assert DIALECT.session_of(SPEC, SURROUNDINGS) is None


@pytest.mark.parametrize("command", [None, (), ("wc", "a\0b")])
def test_what_cannot_be_started_is_refused(command: tuple[str, ...] | None) -> None:
    with pytest.raises(InvalidSpec):
        Command().launch(TaskSpec(command=command), SURROUNDINGS)


def test_status_0_is_a_success_with_the_output_as_its_answer() -> None:
    conclusion = conclude("3 apples, 2 €\n".encode(), b"a warning")

    assert conclusion.failure is None
    assert conclusion.claimed.text == "3 apples, 2 €\n"
    assert conclusion.cost_usd is None


def test_another_status_is_a_failure_with_the_last_line_of_stderr() -> None:
    conclusion = conclude(
        b"out",
        b"first\nwc: no such file\n\n",
        executed=Executed(ended_by=EndedBy.EXIT, exit_code=3),
    )

    assert conclusion.failure is Failure.EXIT_STATUS
    assert conclusion.message == "exit status 3: wc: no such file"
    assert conclusion.claimed.text == "out"


def test_a_status_without_a_word_is_told_alone() -> None:
    conclusion = conclude(executed=Executed(ended_by=EndedBy.EXIT, exit_code=1))

    assert conclusion.message == "exit status 1"


@pytest.mark.parametrize(
    ("executed", "failure"),
    [
        (Executed(ended_by=EndedBy.EXIT, signal="SIGSEGV"), Failure.CRASHED),
        (Executed(ended_by=EndedBy.EXIT), Failure.NO_RESULT),  # nobody saw its status
        (Executed(ended_by=EndedBy.TIMER, timer="total", exit_code=0), Failure.TIMED_OUT),
        (Executed(ended_by=EndedBy.CANCEL, exit_code=0), Failure.CANCELLED),
        (Executed(ended_by=EndedBy.LIMIT, limit="output", exit_code=0), Failure.RESOURCE_EXCEEDED),
        (Executed(ended_by=EndedBy.START, error="Exec format error"), Failure.START_FAILED),
        (Executed(ended_by=EndedBy.LOST), Failure.LOST),
        (Executed(ended_by=EndedBy.ORPHANED), Failure.ABANDONED),
    ],
)
def test_no_output_makes_up_for_a_bad_end(executed: Executed, failure: Failure) -> None:
    conclusion = conclude(b"all is well, exit status 0\n", executed=executed)

    assert conclusion.failure is failure
    assert conclusion.message


def test_the_end_of_a_long_output_is_kept() -> None:
    reader = Command().reader(SPEC)
    for number in range(100_000):
        reader.feed("stdout", b"line %d\n" % number)

    text = reader.conclude(Executed(ended_by=EndedBy.EXIT, exit_code=0)).claimed.text

    assert text is not None
    assert text.endswith("line 99999\n")
    assert len(text) == KEPT_STDOUT_BYTES


def test_a_character_cut_by_the_bound_is_left_out_and_bytes_that_are_none_are_marked() -> None:
    cut = conclude("€".encode() * KEPT_STDOUT_BYTES).claimed.text
    binary = conclude(b"\xff\x00ok").claimed.text

    assert cut is not None
    assert set(cut) == {"€"}
    assert binary == "\ufffd\0ok"
