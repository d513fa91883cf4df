"""Ports kept in memory, for tests of what stands on them. Each runs its port's contract suite."""
