"""Claude Code: `claude -p` with stream-json output.

Source: AGENT_FACTS (measured with 2.1.197, 2.1.330), the recorded transcripts of the tests.
"""

from __future__ import annotations

from cc_executor.agents.claude.dialect import ClaudeDialect

__all__ = ["ClaudeDialect"]
