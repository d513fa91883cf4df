"""Small Protocols: what the engine asks of the world. Each has a contract suite in `testing/`."""
