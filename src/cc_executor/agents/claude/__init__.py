"""Claude Code, driven by `claude -p --output-format stream-json`."""
