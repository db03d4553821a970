"""Text reports: of a run, a status, an explanation, the doctor and invalid files."""
