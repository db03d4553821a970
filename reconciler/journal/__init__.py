"""The memory of past runs, in one SQLite file of the state directory. It is safe to delete.

No run depends on it, because ownership is a tag on the server. The journal holds the past runs (`reconcile history`)
the counts by which a plan notices that an instance has lost most of the torrents that we owned, and the files that
declared them. It never raises into a run and never delays one for long: its errors are warnings. Does I/O on that file
only, except that it looks which of the declaring files are still there, and renders no report.
"""

from reconciler.journal.database import JOURNAL_FILE_NAME, JournalError, get_default_state_dir
from reconciler.journal.history import JournalHistory, read_past_runs
from reconciler.journal.journal import Journal

__all__ = ["JOURNAL_FILE_NAME", "Journal", "JournalError", "JournalHistory", "get_default_state_dir", "read_past_runs"]
