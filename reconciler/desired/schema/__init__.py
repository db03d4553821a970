"""The schema of a desired state: the keys of each part of it, and the rules for their values."""
