"""The dialect of Claude Code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from cc_executor.agents.base import LoginQuery, Reader, Surroundings
from cc_executor.agents.claude import launch, limits
from cc_executor.agents.claude.environment import INHERITS, credential_of
from cc_executor.agents.claude.reader import ClaudeReader
from cc_executor.model.budgets import Caps
from cc_executor.model.launch import Launch
from cc_executor.model.specs import TaskSpec


class Claude:
    """Speaks with `claude` 2.1, through `-p --output-format stream-json --verbose`."""

    name: Final = "claude"
    inherits: Final[Sequence[str]] = INHERITS
    program: Final = "claude"
    bundles: Final[Sequence[tuple[str, str]]] = (("claude_agent_sdk", "_bundled/claude"),)
    how_to_install: Final = (
        "Install it: `pip install 'cc-executor[claude]'`, "
        "or `npm install -g @anthropic-ai/claude-code`; or set CC_EXECUTOR_CLAUDE_BIN."
    )
    #: Source: measured, 2.1.331: `auth status` answers without a request, exit status 1 when
    #: nobody is logged in.
    login_query: Final[LoginQuery | None] = LoginQuery(
        evidence=(
            "ANTHROPIC_API_KEY",
            "ANTHROPIC_AUTH_TOKEN",
            "CLAUDE_CODE_OAUTH_TOKEN",
            "CLAUDE_CODE_USE_BEDROCK",
            "CLAUDE_CODE_USE_VERTEX",
            "CLAUDE_CODE_USE_FOUNDRY",
        ),
        arguments=("auth", "status", "--json"),
        key="loggedIn",
        how_to_log_in="Run `claude` and `/login`, or set ANTHROPIC_API_KEY.",
    )
    #: Source: the first request for "hello" has about 50 KB (2.1.330): instructions and 12 tools.
    preamble_tokens: Final = 12_500

    def credential_of(self, env: Mapping[str, str]) -> str:
        """Return what tells apart the login that a child with this environment uses."""
        return credential_of(env)

    def session_of(self, spec: TaskSpec, surroundings: Surroundings) -> str:
        """Return the id of the session that the attempt will write to.

        Raises:
            InvalidSpec: The task resumes something that is not a session id.
        """
        return launch.session_of(spec, surroundings)

    def launch(self, spec: TaskSpec, surroundings: Surroundings) -> Launch:
        """Return the child process that carries out the task.

        Raises:
            InvalidPrompt: The prompt cannot be encoded.
            InvalidSpec: An argument is ours to set, or cannot be passed to a program.
        """
        return launch.launch(spec, surroundings)

    def limited(self, launch: Launch, caps: Caps) -> Launch:
        """Return the child with its budget and its turns; tokens it cannot be told."""
        return limits.limited(launch, caps)

    def reader(self, spec: TaskSpec) -> Reader:
        """Return a fresh reader for one attempt."""
        return ClaudeReader(spec)
