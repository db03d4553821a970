"""The descriptions of keys: of each key of the schema, and of no other; defaults are those of the model."""

from __future__ import annotations

from reconciler.desired.json_schema.keys import KEY_DESCRIPTIONS
from reconciler.desired.schema.document import DocumentEntry
from reconciler.desired.schema.torrents import ManagedKeys, TorrentEntry


def test_every_key_is_described_and_no_other() -> None:
    assert KEY_DESCRIPTIONS["DocumentEntry"].keys() == DocumentEntry.__annotations__.keys()
    assert KEY_DESCRIPTIONS["TorrentEntry"].keys() == TorrentEntry.__annotations__.keys()
    assert KEY_DESCRIPTIONS["ManagedKeys"].keys() >= ManagedKeys.__annotations__.keys()


def test_defaults_are_written_as_people_write_them() -> None:
    assert KEY_DESCRIPTIONS["TimeoutEntry"]["read"].default == "1m"
    assert KEY_DESCRIPTIONS["GroupEntry"]["failover_after"].default == "2m"
    assert KEY_DESCRIPTIONS["GuardEntry"]["max_delete"].default == 10
    assert KEY_DESCRIPTIONS["ProbeEntry"]["timeout"].default == "5s"
