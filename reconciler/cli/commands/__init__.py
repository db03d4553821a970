"""The commands of `reconcile`, one per file."""
