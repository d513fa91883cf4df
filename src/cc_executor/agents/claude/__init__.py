"""Claude Code, driven by `claude -p --output-format stream-json`."""

from __future__ import annotations

from cc_executor.agents.claude.dialect import Claude

__all__ = ["Claude"]
