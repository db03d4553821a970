"""What is remembered from run to run, in one SQLite file of the state directory. It is safe to delete.

Nothing that a run needs is only here: what is ours is a tag on the server. The journal makes runs explain themselves
later (`reconcile history`), and lets a plan notice that an instance has lost most of what we owned. It never raises
into a run and never holds one up for long: what goes wrong with it is a warning.
Does I/O on that file alone; contacts nobody, formats no report.
"""

from reconciler.journal.database import JOURNAL_FILE_NAME, JournalError, get_default_state_dir
from reconciler.journal.history import HistoryFilter, read_past_runs
from reconciler.journal.journal import Journal

__all__ = ["JOURNAL_FILE_NAME", "HistoryFilter", "Journal", "JournalError", "get_default_state_dir", "read_past_runs"]
