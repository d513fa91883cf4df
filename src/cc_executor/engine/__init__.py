"""Decisions in time: submit, run a list, run an attempt, control, recover, follow."""
