from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cc_executor.testing import claude_cli
from cc_executor.testing.claude_cli import NoBundledClaude, bundled_claude, offline_environment

BOUND_S = 20


@pytest.mark.real_cli
def test_the_bundled_binary_runs_and_tells_its_version(tmp_path: Path) -> None:
    done = subprocess.run(
        [bundled_claude(), "--version"],
        env=offline_environment(tmp_path, "http://127.0.0.1:1"),
        capture_output=True,
        timeout=BOUND_S,
        check=True,
    )

    assert done.stdout.endswith(b"(Claude Code)\n")


def test_finding_it_does_not_import_the_sdk() -> None:
    program = (
        "import sys; from cc_executor.testing.claude_cli import bundled_claude; bundled_claude();"
        "sys.exit('claude_agent_sdk' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", program], timeout=BOUND_S, check=False)

    assert done.returncode == 0


@pytest.mark.parametrize("carrier", ["no_such_wheel", "json"], ids=["not there", "no binary in it"])
def test_a_missing_binary_is_named_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch, carrier: str
) -> None:
    monkeypatch.setattr(claude_cli, "_CARRIER", carrier)

    with pytest.raises(NoBundledClaude, match=r"install the extra `cc-executor\[claude\]`"):
        bundled_claude()


def test_the_environment_is_built_from_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("ANTHROPIC_AUTH_TOKEN", "HTTPS_PROXY", "SECRET", "IS_SANDBOX"):
        monkeypatch.setenv(name, "canary")

    environment = offline_environment(tmp_path / "home", "http://127.0.0.1:8377")

    assert "canary" not in environment.values()
    assert environment["ANTHROPIC_BASE_URL"] == "http://127.0.0.1:8377"
    assert environment["ANTHROPIC_API_KEY"] == claude_cli.DUMMY_KEY
    for name in ("HOME", "CLAUDE_CONFIG_DIR", "CLAUDE_CODE_TMPDIR"):
        folder = Path(environment[name])
        assert folder.is_dir()
        assert folder.is_relative_to(tmp_path / "home")


def test_root_is_called_sandboxed_only_on_demand(tmp_path: Path) -> None:
    sandboxed = offline_environment(tmp_path, "http://127.0.0.1:1", root_is_sandboxed=True)

    assert sandboxed["IS_SANDBOX"] == "1"
    assert sandboxed["PATH"] == claude_cli.SYSTEM_PATH
    assert "IS_SANDBOX" not in offline_environment(tmp_path, "http://127.0.0.1:1")
