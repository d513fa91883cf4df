"""Evidence of what was run: looked at again, bundled, reported, signed."""
