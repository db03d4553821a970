"""The file of the intake, which holds what services hand in: read, changed and written by nobody else.

For: durable changes from any thread, each checked as a load would check it, with the comments of the file kept. May
import `desired` and what is below it. Never contacts an instance or a URL, and never writes outside the folder of the
file.

See docs/decisions/0135-the-intake-is-a-file-that-only-the-sidecar-writes.md.
"""

from reconciler.intake.settling import IntakeSettler
from reconciler.intake.store import IntakeStore

__all__ = ["IntakeSettler", "IntakeStore"]
