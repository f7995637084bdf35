"""Which days are gone, which results are sealed, what was last known before them, and the log of operations."""
