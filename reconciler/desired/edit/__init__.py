"""Changes a desired-state file and leaves every other byte of it as it is.

For: finding the position of an entry in a text, adding and removing entries, hiding secrets in a text that is shown,
and writing files atomically. May import `model` and the rest of `desired`. The only part of `desired` that writes
files, and only files that the user's command names.
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
