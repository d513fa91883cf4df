"""The wire without I/O: JSON-RPC, one shape per method, cursors, chunks of output."""
