"""The real Claude Code CLI without an account: where its binary lies, how it runs offline.

Nothing here imports the SDK that carries the binary: that would take a second, and run code
that a test of the CLI does not need.
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Final

DUMMY_KEY: Final = "dummy-key"
SYSTEM_PATH: Final = "/usr/local/bin:/usr/bin:/bin"

_CARRIER: Final = "claude_agent_sdk"
_PATH_IN_CARRIER: Final = Path("_bundled", "claude")


class NoBundledClaude(FileNotFoundError):
    """The `claude-agent-sdk` wheel, which carries the CLI, is not installed here."""

    def __str__(self) -> str:
        return (
            "no bundled Claude Code CLI: install the extra `cc-executor[claude]` "
            f"(the wheel claude-agent-sdk brings {_CARRIER}/{_PATH_IN_CARRIER})"
        )


def bundled_claude() -> Path:
    """Return the native binary inside the installed `claude-agent-sdk` wheel.

    Raises:
        NoBundledClaude: The wheel is not installed, or was built without the binary.
    """
    spec = importlib.util.find_spec(_CARRIER)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        binary = Path(folder) / _PATH_IN_CARRIER
        if os.access(binary, os.X_OK):
            return binary
    raise NoBundledClaude


def offline_environment(
    home: Path,
    base_url: str,
    *,
    path: str = SYSTEM_PATH,
    root_is_sandboxed: bool = False,
) -> dict[str, str]:
    """Return the whole environment for a CLI that can reach nothing but `base_url`.

    It is built from nothing: no variable of this process is in it, so no account, key or
    proxy of the machine can be used. With it the CLI opens one connection, to `base_url`.
    The folders that it names are created.

    Args:
        home: The CLI's own home; its configuration, sessions and temporary files go there.
        base_url: The scripted model, for example `http://127.0.0.1:8377`.
        path: Where its tools find programs.
        root_is_sandboxed: Lets root use `--dangerously-skip-permissions`.

    Source: measured with 2.1.330, strace showing the connections.
    """
    folders = {
        "HOME": home,
        "CLAUDE_CONFIG_DIR": home / ".claude",
        "CLAUDE_CODE_TMPDIR": home / "tmp",
    }
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
    environment = {
        **{name: str(folder.absolute()) for name, folder in folders.items()},
        "PATH": path,
        "TERM": "dumb",
        "LANG": "C.UTF-8",
        # Unset, the Bash tool takes zsh where there is one.
        "SHELL": "/bin/bash",
        "ANTHROPIC_BASE_URL": base_url,
        "ANTHROPIC_API_KEY": DUMMY_KEY,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_TELEMETRY": "1",
        "DISABLE_AUTOUPDATER": "1",
        "DISABLE_ERROR_REPORTING": "1",
    }
    if root_is_sandboxed:
        environment["IS_SANDBOX"] = "1"
    return environment
