"""The JSON reports: of a run, a status, an explanation and the doctor."""
