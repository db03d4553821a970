"""Changes to a desired-state file that leave every other byte of it as it is.

For: finding an entry's place in a text, adding and removing entries there, what of it may be shown, and writing files
so that a reader sees the old one or the new one whole. May import `model` and the rest of `desired`. The only part of
this room that writes files, and it writes only what a command was told to write.
"""

from reconciler.desired.editing.document import YamlFile
from reconciler.desired.editing.layout import layout
from reconciler.desired.editing.masking import presentable
from reconciler.desired.editing.saving import SavingError, TorrentFolder, replace_file, save_new
from reconciler.desired.editing.surgery import Stuck

__all__ = ["SavingError", "Stuck", "TorrentFolder", "YamlFile", "layout", "presentable", "replace_file", "save_new"]
