"""Builds the objects of the desired state from checked documents, one module for each part.

The schema has checked every value alone. The builders apply defaults, resolve secrets and .torrent files, and report
problems that span several keys, entries or documents. They build from whatever is valid, so that one load reports
everything; the result counts only if there was no problem.
"""
