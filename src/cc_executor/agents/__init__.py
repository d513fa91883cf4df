"""One dialect per agent CLI: pure functions between task specs, bytes and conclusions."""
