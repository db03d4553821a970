"""From the user's YAML to the desired state, or to a list of everything that is wrong with it.

For: reading files, composing YAML with positions, checking it against the schema and the rules, resolving
secrets, merging all documents into one `Desired`. May import `model` only. Never writes a file but
where `editing` is told to, never contacts anything, never returns a part of a desired state: a part would delete what
the rest declares.
"""

from reconciler.desired.context import DesiredStateError
from reconciler.desired.files import list_yaml_files
from reconciler.desired.load import load
from reconciler.desired.torrent_files import TorrentFetcher, TorrentFileCache

__all__ = ["DesiredStateError", "TorrentFetcher", "TorrentFileCache", "list_yaml_files", "load"]
