"""Builds the desired state from checked documents."""
