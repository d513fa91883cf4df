from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from cc_executor.testing.model_api import (
    Drop,
    Overload,
    Slow,
    Stall,
    prompt_too_long,
    refuse,
    say,
    structured,
    use,
)
from cc_executor.testing.model_api.script_file import load

BOUND_S = 20.0


def test_a_script_file_has_the_whole_repertoire(tmp_path: Path) -> None:
    path = tmp_path / "script.json"
    turns = [
        {
            "text": "a",
            "tools": [{"name": "Write", "input": {"x": 1}}],
            "usage": {"output_tokens": 3},
        },
        {"structured": {"n": 1}, "after": [{"fault": "drop", "times": 1}, {"fault": "overload"}]},
        {"fault": "refuse", "status": 429, "retry_after_s": 1},
        {"fault": "prompt_too_long"},
        {"fault": "stall", "for_s": 1},
        {"fault": "slow", "pause_s": 0.1},
    ]
    script = {"scenarios": [{"match": "go", "turns": turns}], "otherwise": {"text": "?"}}
    path.write_text(json.dumps(script))

    model = load(path)

    assert list(model.scenarios[0].turns) == [
        (say("a") & use("Write", x=1)).costing(output_tokens=3),
        structured({"n": 1}).after(Drop(times=1), Overload()),
        refuse(429, retry_after_s=1),
        prompt_too_long(),
        Stall(for_s=1),
        Slow(pause_s=0.1),
    ]
    assert model.otherwise == say("?")


@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        ({}, "the script: KeyError"),
        ({"scenarios": [{"match": "a", "turns": [{"txt": "x"}]}]}, "scenario 'a': TypeError"),
        ({"scenarios": [{"match": "a", "turns": [{"fault": "fire"}]}]}, "scenario 'a': KeyError"),
        ({"scenarios": [], "otherwise": 3}, "otherwise: "),
    ],
    ids=["empty", "unknown key", "unknown fault", "no turn"],
)
def test_a_bad_script_file_is_refused_with_the_place(
    script: dict[str, Any], complaint: str, tmp_path: Path
) -> None:
    path = tmp_path / "script.json"
    path.write_text(json.dumps(script))

    with pytest.raises(ValueError, match=complaint):
        load(path)


def test_it_can_be_served_from_a_terminal_until_it_is_interrupted(tmp_path: Path) -> None:
    path = tmp_path / "script.json"
    path.write_text(json.dumps({"scenarios": []}))
    command = [sys.executable, "-m", "cc_executor.testing.model_api", "--script", str(path)]

    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as served:
        assert served.stdout is not None
        export, *variables = served.stdout.readline().split()
        base_url = dict(v.split("=", 1) for v in variables)["ANTHROPIC_BASE_URL"]
        request = urllib.request.Request(base_url, method="HEAD")  # noqa: S310 - to ourselves
        with contextlib.closing(urllib.request.urlopen(request, timeout=BOUND_S)) as answer:  # noqa: S310 - to ourselves
            status = answer.status
        served.send_signal(signal.SIGINT)
        _, err = served.communicate(timeout=BOUND_S)

    assert (export, status, served.returncode) == ("export", 200, 0)
    assert err == "HEAD / 200\n"


def test_a_missing_script_file_is_said_in_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cc_executor.testing.model_api", "--script"]

    done = subprocess.run(
        [*command, str(tmp_path / "none.json")], capture_output=True, timeout=BOUND_S, check=False
    )

    assert (done.returncode, done.stdout) == (2, b"")
    assert b"none.json" in done.stderr
    assert len(done.stderr.splitlines()) == 1
