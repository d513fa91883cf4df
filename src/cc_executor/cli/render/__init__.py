"""How an execution looks: live on a terminal, line by line elsewhere, as JSON for machines."""
