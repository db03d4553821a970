"""Numbers, always as a ratio against a raw baseline in the same run on the same machine: `make bench`."""
