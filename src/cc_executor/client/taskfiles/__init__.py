"""Task files: YAML, TOML, JSON and Markdown, each refused with line and column when it is bad."""

from __future__ import annotations

from cc_executor.client.taskfiles.load import load_task_file

__all__ = ["load_task_file"]
