"""Real parts and small helpers that tests share."""
