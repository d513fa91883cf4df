"""WebSocket and HTTP around one engine; every door is thin."""
