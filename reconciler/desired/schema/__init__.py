"""The schema of a desired state: every key, and next to it the rule that checks its value.

Each module holds one part of a document: `torrents` (with `options` and `content`), `instances` (with `probes`),
`groups`, `categories`, and `document` for the top level and the table of all keys. `common` holds the value types that
several parts share. A rule takes a value and returns it, perhaps in another form, or raises `InvalidValue`, which says
what is wrong and what to write instead. Rules that span several keys or entries are in `desired.builders`.

The shapes are typed dicts, not models: a key that is absent stays absent (not managed) and differs from an explicit
`null` (undo the default), and ten thousand entries are checked in milliseconds. Their annotations are types, so no
module begins with `from __future__ import annotations`: pydantic would have to compile each of them from its text.
"""
