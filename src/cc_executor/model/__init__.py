"""Nouns and laws: frozen values and pure functions, no I/O and no clock."""
