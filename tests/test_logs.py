from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from cc_executor import logs
from cc_executor.logs import LogFormat

LOG = logging.getLogger("cc_executor.somewhere")


@pytest.fixture(autouse=True)
def _logger_as_before() -> Iterator[None]:
    logger = logging.getLogger("cc_executor")
    before = (logger.handlers[:], logger.level, logger.propagate)
    yield
    logger.handlers[:], logger.level, logger.propagate = before


def test_a_record_is_one_line_with_its_facts(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(level="INFO", format=LogFormat.TEXT)

    LOG.info("attempt ended", extra={"task_id": "01.1", "message_text": "a b", "failure": None})

    [line] = capsys.readouterr().err.splitlines()
    at, rest = line.split(" ", 1)
    assert len(at) == len("12:03:04")
    assert rest == 'INFO attempt ended task_id=01.1 message_text="a b" failure=null'


def test_nothing_in_a_record_can_begin_a_line_of_its_own_or_command_a_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.configure(level="INFO", format=LogFormat.TEXT)

    LOG.info("one\ntwo\x1b[2J", extra={"said": "a\nb\x9b1m"})

    [line] = capsys.readouterr().err.splitlines()
    assert "\x1b" not in line
    assert "\x9b" not in line
    assert "one\\ntwo\\x1b[2J" in line


def test_json_lines_are_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(level="DEBUG", format=LogFormat.JSON)

    try:
        raise KeyError("x")
    except KeyError:
        LOG.exception("it broke", extra={"pid": 7})

    line = json.loads(capsys.readouterr().err)
    assert line["event"] == "it broke"
    assert (line["level"], line["logger"], line["pid"]) == ("error", "cc_executor.somewhere", 7)
    assert line["error"] == "KeyError: 'x'"
    assert "Traceback" in line["traceback"]
    assert line["at"].endswith("+00:00")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("stream", [Terminal(), io.StringIO()], ids=["terminal", "pipe"])
def test_auto_is_text_on_a_terminal_and_json_elsewhere(
    stream: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr", stream)
    logs.configure(level="INFO", format=LogFormat.AUTO)

    LOG.info("x")

    assert stream.getvalue().startswith("{") is not stream.isatty()


def test_what_is_less_severe_is_not_logged(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(level="WARNING", format=LogFormat.TEXT)

    LOG.info("x")
    LOG.warning("y")

    assert [line.split()[1:] for line in capsys.readouterr().err.splitlines()] == [["WARNING", "y"]]


def test_configuring_again_replaces_what_was(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(level="INFO", format=LogFormat.TEXT)
    logs.configure(level="INFO", format=LogFormat.JSON)

    LOG.info("x")

    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_view_that_puts_itself_in_the_place_of_stderr_gets_the_records(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    logs.configure(level="INFO", format=LogFormat.TEXT)
    view = io.StringIO()
    monkeypatch.setattr("sys.stderr", view)

    LOG.info("x")

    assert "INFO x" in view.getvalue()


def test_a_stderr_that_is_gone_is_nobodys_error(monkeypatch: pytest.MonkeyPatch) -> None:
    logs.configure(level="INFO", format=LogFormat.TEXT)
    gone = io.StringIO()
    gone.close()
    monkeypatch.setattr("sys.stderr", gone)

    LOG.info("x")

    assert gone.closed
