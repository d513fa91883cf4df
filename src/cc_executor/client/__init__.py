"""The Python client: async, with a sync shell of the same names."""
