"""The commands of `reconcile`, one file each."""
