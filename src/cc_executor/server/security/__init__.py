"""Nobody else gets in: tokens, origins and hosts, rates, and where a server may listen."""
