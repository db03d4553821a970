"""Changes to a desired-state file that leave every other byte of it as it is.

For: finding an entry's place in a text, adding and removing entries there, what of it may be shown, and writing files
so that a reader sees the old one or the new one whole. May import `model` and the rest of `desired`. The only part of
this room that writes files, and it writes only what a command was told to write.
"""

from reconciler.desired.edit.layout import parse_layout
from reconciler.desired.edit.redact import redact_text
from reconciler.desired.edit.save import SaveError, TorrentFolder, create_file, replace_file
from reconciler.desired.edit.splice import UnsupportedLayout
from reconciler.desired.edit.yaml_file import YamlFile

__all__ = [
    "SaveError",
    "TorrentFolder",
    "UnsupportedLayout",
    "YamlFile",
    "create_file",
    "parse_layout",
    "redact_text",
    "replace_file",
]
