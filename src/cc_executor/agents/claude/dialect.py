"""How Claude Code is started."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from cc_executor.agents.base import LoginQuery, Surroundings
from cc_executor.agents.claude.reader import ClaudeReader
from cc_executor.agents.env import COMMON
from cc_executor.model.launch import Launch, StopRung
from cc_executor.model.specs import TaskSpec

#: Files may be written in the workspace without asking; programs may not be run. Whoever wants
#: more says so: nobody is there to be asked.
DEFAULT_PERMISSION_MODE: Final = "acceptEdits"

#: SIGTERM lets it end its tools (about 2 s) and gives 143; SIGINT would end in status 0 with a
#: result that says "aborted".
_LADDER: Final = (
    StopRung(action="terminate", grace_s=5.0),
    StopRung(action="kill", grace_s=5.0),
)

_INHERITS: Final = (
    *COMMON,
    "NODE_EXTRA_CA_CERTS",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
    "ANTHROPIC_*",
    "CLAUDE_CONFIG_DIR",
    "CLAUDE_CODE_OAUTH_TOKEN",
    "CLAUDE_CODE_USE_BEDROCK",
    "CLAUDE_CODE_USE_VERTEX",
    "CLAUDE_CODE_USE_FOUNDRY",
    "CLAUDE_CODE_SKIP_BEDROCK_AUTH",
    "CLAUDE_CODE_SKIP_VERTEX_AUTH",
    "CLAUDE_CODE_MAX_RETRIES",
    "CLAUDE_CODE_MAX_OUTPUT_TOKENS",
    "CLAUDE_CODE_RETRY_WATCHDOG",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC",
    "CLAUDE_CODE_CLIENT_CERT",
    "CLAUDE_CODE_CLIENT_KEY",
    "CLAUDE_STREAM_IDLE_TIMEOUT_MS",
    "CLAUDE_STREAM_FIRST_BYTE_TIMEOUT_MS",
    "API_TIMEOUT_MS",
    "BASH_DEFAULT_TIMEOUT_MS",
    "BASH_MAX_TIMEOUT_MS",
    "BASH_MAX_OUTPUT_LENGTH",
    "MAX_THINKING_TOKENS",
    "MCP_TIMEOUT",
    "MCP_TOOL_TIMEOUT",
    "DISABLE_TELEMETRY",
    "DISABLE_ERROR_REPORTING",
    "DISABLE_PROMPT_CACHING",
    "ENABLE_TOOL_SEARCH",
    "IS_SANDBOX",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_BEARER_TOKEN_BEDROCK",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "CLOUD_ML_REGION",
)


class ClaudeDialect:
    """Anthropic's Claude Code CLI."""

    name = "claude"
    program = "claude"
    inherits: Sequence[str] = _INHERITS
    bundles: Sequence[tuple[str, str]] = (("claude_agent_sdk", "_bundled/claude"),)
    how_to_install = (
        "Install it with `pip install 'cc-executor[claude]'` or "
        "`npm install -g @anthropic-ai/claude-code`, or set CC_EXECUTOR_CLAUDE_BIN."
    )
    login_query: LoginQuery | None = LoginQuery(
        evidence=(
            "ANTHROPIC_API_KEY",
            "ANTHROPIC_AUTH_TOKEN",
            "CLAUDE_CODE_OAUTH_TOKEN",
            "CLAUDE_CODE_USE_BEDROCK",
            "CLAUDE_CODE_USE_VERTEX",
            "CLAUDE_CODE_USE_FOUNDRY",
        ),
        arguments=("auth", "status"),
        key="loggedIn",
        how_to_log_in="Run `claude` once and log in, or set ANTHROPIC_API_KEY.",
    )
    #: The first request of a hello has about 50 KB: system prompt and tools.
    preamble_tokens = 12_500

    def session_of(self, spec: TaskSpec, surroundings: Surroundings) -> str | None:
        """Return the session to resume, else the fresh one that it is told to use."""
        return spec.session_id or surroundings.new_session_id

    def launch(self, spec: TaskSpec, surroundings: Surroundings) -> Launch:
        """Return `claude -p`; the prompt goes through stdin (argv holds 128 KiB, and is public)."""
        return Launch(
            attempt_id=surroundings.attempt_id,
            argv=(surroundings.executable, *self._arguments(spec, surroundings)),
            env={
                "SHELL": "/bin/bash",  # unset, it would take zsh where there is one
                "LANG": "C.UTF-8",
                **surroundings.env,
                "TERM": "dumb",
                "DISABLE_AUTOUPDATER": "1",
                "CLAUDE_CODE_TMPDIR": surroundings.scratch,
            },
            cwd=surroundings.cwd,
            stdin=(spec.prompt or "").encode(),
            judged=True,
            timers=surroundings.timers,
            ladder=_LADDER,
        )

    def reader(self, spec: TaskSpec) -> ClaudeReader:
        """Return a reader of stream-json."""
        return ClaudeReader(
            wants_structured=spec.json_schema is not None, resumed=spec.session_id is not None
        )

    def _arguments(self, spec: TaskSpec, surroundings: Surroundings) -> list[str]:
        arguments = ["-p", "--output-format", "stream-json", "--verbose"]
        if spec.session_id:
            arguments += ["--resume", spec.session_id]
        else:
            arguments += ["--session-id", surroundings.new_session_id]
        arguments += ["--permission-mode", spec.permission_mode or DEFAULT_PERMISSION_MODE]
        if spec.model:
            arguments += ["--model", spec.model]
        if spec.max_turns is not None:
            arguments += ["--max-turns", str(spec.max_turns)]
        if spec.append_system_prompt:
            arguments += ["--append-system-prompt", spec.append_system_prompt]
        if spec.json_schema is not None:
            arguments += ["--json-schema", json.dumps(spec.json_schema)]
        # Both take any number of values; nothing follows them that they could swallow.
        if spec.allowed_tools:
            arguments += ["--allowedTools", *spec.allowed_tools]
        if spec.disallowed_tools:
            arguments += ["--disallowedTools", *spec.disallowed_tools]
        return [*arguments, *spec.agent_args]
