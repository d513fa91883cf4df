"""One file per command. They load what they need when they run, so that `--help` is quick."""
