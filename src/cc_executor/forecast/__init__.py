"""How long a task may take: pure formulas."""
