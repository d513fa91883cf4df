"""The declarations."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from cc_executor.settings import kinds
from cc_executor.settings.budgeting import BUDGET_SETTINGS
from cc_executor.settings.limiting import LIMITS
from cc_executor.settings.serving import SERVER_SETTINGS
from cc_executor.settings.setting import Setting

#: Agents whose executable may be named.
AGENTS: Final = ("claude",)
_MAX_CONCURRENCY: Final = 16
#: `PermissionMode` of `model.specs`, which takes longer to import than `--help` may.
_PERMISSION_MODES: Final = (
    "default",
    "acceptEdits",
    "auto",
    "bypassPermissions",
    "manual",
    "dontAsk",
    "plan",
)


def _state_directory() -> Path:
    from platformdirs import user_state_path

    return user_state_path("cc-executor")


def _two_per_core() -> int:
    usable = getattr(os, "sched_getaffinity", None)  # Linux; a container may have fewer than all
    cores = len(usable(0)) if usable is not None else os.cpu_count() or 1
    return min(2 * cores, _MAX_CONCURRENCY)


SETTINGS: Final[tuple[Setting, ...]] = (
    Setting(
        "home",
        kinds.folder,
        None,
        "",
        "State directory: the database and the attempts' output. "
        "Default: the platform's directory for state.",
        compute=_state_directory,
    ),
    *(
        Setting(
            f"{agent}_bin",
            kinds.program,
            None,
            "",
            f"Absolute path of the {agent} executable. Default: on PATH, else the bundled one.",
            personal=True,
        )
        for agent in AGENTS
    ),
    Setting(
        "claude_permission_mode",
        kinds.choice(*_PERMISSION_MODES),
        "acceptEdits",
        "",
        "What Claude Code may do without asking, where a task does not say.",
        personal=True,
    ),
    Setting(
        "pass_env",
        kinds.variables,
        (),
        "",
        "More variables that children may inherit; names, or prefixes ending in `*`.",
        personal=True,
    ),
    Setting(
        "allowed_commands",
        kinds.names,
        (),
        "",
        "Executables that `command` tasks may run, as paths or names. Default: any.",
        own_variable="ALLOWED_COMMANDS",
        personal=True,
    ),
    Setting(
        "max_timeout_s",
        kinds.seconds(),
        14_400.0,
        "s",
        "No attempt lasts longer, pauses left out, whatever its task says.",
    ),
    # What is frozen keeps its memory; a weekend passes.
    Setting(
        "max_paused_s",
        kinds.seconds(),
        259_200.0,
        "s",
        "An attempt that was paused for longer in all is stopped.",
    ),
    Setting(
        "timeout_base_s",
        kinds.seconds(),
        60.0,
        "s",
        "Constant part of `timeout: auto` before there is history.",
    ),
    Setting(
        "timeout_per_token_s",
        kinds.seconds(zero=True),
        0.05,
        "s",
        "What each token of the first request adds to it.",
    ),
    Setting(
        "start_timeout_s",
        kinds.seconds(),
        120.0,
        "s",
        "Longest time until an agent's first sign of life.",
    ),
    # Claude Code's own watchdogs act after 300 and 600 s without anything from the model
    # (measured with 2.1.330) and recover: ours waits until they have had their turn.
    Setting(
        "idle_timeout_s",
        kinds.seconds(),
        900.0,
        "s",
        "Longest time of an agent without progress; what excuses silence does not count.",
    ),
    Setting(
        "grace_s",
        kinds.seconds(zero=True),
        10.0,
        "s",
        "How long a process may stay after its result.",
    ),
    Setting(
        "orphan_grace_s",
        kinds.seconds(zero=True),
        600.0,
        "s",
        "How long a detached agent lives on without any engine.",
    ),
    # Measured on two cores: 4 agents started at once answer twice as fast as 8.
    Setting(
        "max_concurrency",
        kinds.count(1, 1000),
        None,
        "",
        f"Most tasks of one list at once. Default: two for each core, at most {_MAX_CONCURRENCY}.",
        compute=_two_per_core,
    ),
    Setting(
        "park",
        kinds.switch,
        False,
        "",
        "Whether tasks wait for their account's usage window to reset, where they do not say.",
    ),
    *LIMITS,
    Setting(
        "containment",
        kinds.choice("auto", "cgroup", "scan"),
        "auto",
        "",
        "How process trees are found: by cgroup, by scanning, or the best there is.",
    ),
    *BUDGET_SETTINGS,
    Setting(
        "log_level",
        kinds.log_level,
        "INFO",
        "",
        "Least severity that is logged, to stderr.",
        own_variable="LOG_LEVEL",
    ),
    Setting(
        "log_format",
        kinds.choice("auto", "text", "json"),
        "auto",
        "",
        "Text on a terminal, JSON elsewhere, or always the same.",
        own_variable="LOG_FORMAT",
    ),
    *SERVER_SETTINGS,
)


def reference() -> str:
    """Return the table of docs/reference/settings.md."""
    lines = ["| flag | variable | default | meaning |", "|---|---|---|---|"]
    for one in SETTINGS:
        default = one.default
        shown = "" if default in (None, ()) else f"{default:g}" if _is_float(default) else default
        unit = f" {one.unit}" if one.unit and shown != "" else ""
        mark = " \\*" if one.personal else ""
        lines.append(f"| `{one.flag}` | `{one.variable}`{mark} | {shown}{unit} | {one.doc} |")
    return "\n".join(lines) + "\n"


def _is_float(value: object) -> bool:
    return isinstance(value, float)
