"""The JSON Schema of a desired state, for editors and for CI: made from the schema that `reconcile` itself checks with.

`build` generates it with pydantic, `values` describes the texts that our validators read, `rules` the keys that need or
exclude each other, `preferences` the settings of qBittorrent, and `keys` has a description of each key. It is never
stricter than `load`, and nothing here is imported by a run.
"""

from reconciler.desired.json_schema.build import build_json_schema, format_json_schema

__all__ = ["build_json_schema", "format_json_schema"]
