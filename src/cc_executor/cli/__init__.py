"""The command line: one file per command in `commands/`; it uses the same client as everybody."""
