"""Journal, exam file, recovery: what was acknowledged is never lost."""
