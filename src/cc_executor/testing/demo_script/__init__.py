"""The demo: a three-task list for the real Claude Code CLI, and the model that plays its part.

The CLI, its tools, the files and the test run are real; only the model is scripted, and says
so. Nothing in its words is decided beforehand that a tool can contradict: what it tells about
a test run or a program's output is what the tool's result said.
"""

from __future__ import annotations

from cc_executor.testing.demo_script.scenarios import SCENARIOS
from cc_executor.testing.demo_script.tasks import CHECK, TASKS

__all__ = ["CHECK", "SCENARIOS", "TASKS"]
