"""Torrents that get the metadata of another instance, on instances in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from reconciler.apply import metadata
from reconciler.apply.executor import Executor
from reconciler.apply.metadata import NoMetadata
from reconciler.model.errors import UnreachableError
from reconciler.model.magnet import parse_magnet
from reconciler.model.metainfo import list_trackers, list_web_seeds, parse_metainfo
from reconciler.model.plan import AddTorrent, Change, InstancePlan, MetadataSource, Outcome, SetTorrent, UpdateTorrent
from reconciler.model.run import ActionResult
from reconciler.model.snapshot import AddOptions
from reconciler.model.torrent_file import TorrentFile, TorrentFileError
from reconciler.testing.memory import MemoryInstance
from tests.support.fake_retry import fake_retry_policy
from tests.support.torrents import TorrentKind, make_torrent

OWNER = Change("owner", None, "home")
METADATA = Change("metadata", None, "x")
PEER = "10.0.0.1:6881"
PRIVATE = {"private": 1}
MAGNET_TRACKER, OTHER_TRACKER = "http://t/announce?key=new", "http://u/announce"


class FakeProvider:
    """Holds .torrent files by the id of their copy."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = files
        self.exported: list[str] = []

    def export_torrent(self, source: MetadataSource) -> bytes:
        """Return a file; without one, raise."""
        self.exported.append(source.torrent_id)
        if source.torrent_id not in self.files:
            raise TorrentFileError("it has no metadata, or is gone")
        return self.files[source.torrent_id]

    def find_peer_address(self, _source: MetadataSource) -> str | None:
        """Return the address of the peer."""
        return PEER


def make_add(data: bytes, *, has_magnet: bool = True, tracker: str = MAGNET_TRACKER) -> AddTorrent:
    """The add of a torrent that is declared by its v1 infohash, as a plan has it."""
    hashes = parse_metainfo(data).infohashes
    magnet = parse_magnet(f"magnet:?xt=urn:btih:{hashes.v1}&tr={tracker}")
    fallback = AddTorrent("a", "not on the instance", (OWNER,), infohash=hashes.v1, source=magnet)
    file = TorrentFile("", magnet.infohashes, "", 0, lambda: b"")
    source = MetadataSource("x", hashes.ids[0], fallback if has_magnet else None)
    changes = (OWNER, METADATA)
    return AddTorrent("a", "metadata from x", changes, infohash=hashes.v1, metadata_from=source, source=file)


def make_update(data: bytes) -> UpdateTorrent:
    """The update of a torrent that was added by its v1 infohash and has no metadata."""
    hashes = parse_metainfo(data).infohashes
    return UpdateTorrent(
        "a",
        "it has no metadata",
        (METADATA,),
        infohash=hashes.v1,
        torrent_id=hashes.v1,
        metadata_from=MetadataSource("x", hashes.ids[0]),
    )


def execute(
    box: MemoryInstance, provider: FakeProvider | NoMetadata, actions: Sequence[SetTorrent]
) -> tuple[ActionResult, ...]:
    """Execute actions on an instance that can get metadata from others."""
    plan = InstancePlan("y", tuple(actions))  # type: ignore[arg-type]
    results, error = Executor(box, fake_retry_policy(), holders=provider).execute(plan)
    assert error is None
    return results


def make_provider(*files: bytes) -> FakeProvider:
    """Return what holds these files."""
    return FakeProvider({parse_metainfo(data).infohashes.ids[0]: data for data in files})


def add_waiting(box: MemoryInstance, data: bytes, *trackers: str) -> None:
    """Add a torrent by its v1 infohash, running and ours."""
    link = f"magnet:?xt=urn:btih:{parse_metainfo(data).infohashes.v1}" + "".join(f"&tr={url}" for url in trackers)
    box.add_magnets([link], AddOptions(False, False, tags=("reconcile:home",)))
    if not box.can_tag_at_add:
        box.add_tags(list(box.torrents), ["reconcile:home"])


@pytest.mark.parametrize("version", ["4.2.5", "4.5.2", "5.1.0", "5.3.0"])
@pytest.mark.parametrize("kind", ["v1", "hybrid"])
def test_a_torrent_is_added_with_its_metadata_and_its_links(version: str, kind: TorrentKind) -> None:
    data = make_torrent(
        1,
        kind,
        trackers=["http://t/announce?key=old", OTHER_TRACKER],
        web_seeds=["http://w/"],
    )
    box, provider = MemoryInstance(version), make_provider(data)
    (result,) = execute(box, provider, [make_add(data)])
    assert (result.outcome, len(provider.exported)) == (Outcome.APPLIED, 1)
    (live,) = box.torrents.values()
    assert live.has_metadata and live.tags == {"reconcile:home"}
    sent = box._uploaded[live.id]
    assert list_trackers(sent) == (OTHER_TRACKER, MAGNET_TRACKER), "one of a host is replaced"
    assert list_web_seeds(sent) == ("http://w/",)
    assert box.peers == {live.id: {PEER}}
    assert "key" not in repr(result)


def test_the_peers_of_a_private_torrent_come_from_its_trackers_only() -> None:
    data = make_torrent(1, extra_info=PRIVATE, trackers=[OTHER_TRACKER])
    box = MemoryInstance()
    assert execute(box, make_provider(data), [make_add(data)])[0].outcome is Outcome.APPLIED
    add_waiting(waiting := MemoryInstance(), data)
    assert execute(waiting, make_provider(data), [make_update(data)])[0].outcome is Outcome.APPLIED
    assert (box.peers, waiting.peers) == ({}, {})
    assert OTHER_TRACKER.split("/")[2] in next(iter(waiting.torrents.values())).links, "it has no other"


def test_without_the_file_the_source_of_the_entry_is_used() -> None:
    data = make_torrent(1)
    box = MemoryInstance()
    (result,) = execute(box, FakeProvider({}), [make_add(data)])
    assert result.outcome is Outcome.APPLIED and "metadata" not in [change.field for change in result.action.changes]
    reason = "its metadata could not be read from x: it has no metadata, or is gone"
    assert result.action.reason == f"not on the instance; {reason}"
    assert not next(iter(box.torrents.values())).has_metadata
    (result,) = execute(MemoryInstance(), NoMetadata(), [make_add(data, has_magnet=False)])
    assert (result.outcome, result.error) == (
        Outcome.DEFERRED,
        "its metadata could not be read from x: it was not read",
    )


def test_another_torrent_is_not_added() -> None:
    data, other = make_torrent(1), make_torrent(2)
    provider = FakeProvider({parse_metainfo(data).infohashes.ids[0]: other})
    (result,) = execute(MemoryInstance(), provider, [make_add(data)])
    assert result.action.reason.endswith("could not be read from x: it is another torrent")


@pytest.mark.parametrize("kind", ["v1", "hybrid"])
def test_a_torrent_gets_metadata_and_stays_as_it_is_otherwise(kind: str) -> None:
    data = make_torrent(1, kind, trackers=[OTHER_TRACKER])  # type: ignore[arg-type]
    box = MemoryInstance()
    add_waiting(box, data, MAGNET_TRACKER)
    (before,) = box.torrents.values()
    assert execute(box, make_provider(data), [make_update(data)])[0].outcome is Outcome.APPLIED
    (live,) = box.torrents.values()
    assert live.has_metadata and live.id == parse_metainfo(data).infohashes.ids[0]
    assert (live.tags, live.links, live.save_path) == (before.tags, before.links, before.save_path)
    assert box.peers == {live.id: {PEER}}


def test_metadata_that_cannot_be_read_or_is_there_already_is_no_failure() -> None:
    data = make_torrent(1)
    box = MemoryInstance()
    add_waiting(box, data)
    (result,) = execute(box, FakeProvider({}), [make_update(data)])
    assert (result.outcome, result.error) == (
        Outcome.DEFERRED,
        "its metadata could not be read from x: it has no metadata, or is gone",
    )
    provider = make_provider(data)
    box.receive_metadata(next(iter(box.torrents)), data)
    assert execute(box, provider, [make_update(data)])[0].outcome is Outcome.APPLIED
    box.torrents.clear()
    (result,) = execute(box, provider, [make_update(data)])
    assert (result.outcome, result.error) == (Outcome.DROPPED, "it is gone since it was planned")
    assert (provider.exported, box.torrents) == ([], {}), "nothing is added in its place"


def test_files_are_read_batch_by_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    files = [make_torrent(number) for number in range(5)]
    monkeypatch.setattr(metadata, "MAX_FILES_PER_REQUEST", 2)
    box, provider = MemoryInstance(), make_provider(*files)
    counts: list[int] = []
    send = box.add_torrent_files

    def record(sent: Mapping[str, bytes], options: AddOptions) -> None:
        counts.append(len(provider.exported))
        send(sent, options)

    monkeypatch.setattr(box, "add_torrent_files", record)
    results = execute(box, provider, [make_add(data) for data in files])
    assert {result.outcome for result in results} == {Outcome.APPLIED}
    assert counts == [3, 5, 5], "one more than the request has room for is in memory"


@pytest.mark.parametrize("is_update", [False, True])
def test_a_run_that_fails_at_any_request_is_completed_by_the_next(is_update: bool) -> None:
    data = make_torrent(1, "hybrid")
    for skip in range(12):
        box = MemoryInstance()
        if is_update:
            add_waiting(box, data)
        box.fail_next(100, UnreachableError("gone"), skip=skip, lose_reply=bool(skip % 2))
        action = make_update(data) if is_update else make_add(data)
        Executor(box, fake_retry_policy(), holders=make_provider(data)).execute(InstancePlan("y", (action,)))
        box.fail_next(0, UnreachableError(""))
        if not is_update and box.torrents:
            continue  # the next run plans an update, or nothing
        (result,) = execute(box, make_provider(data), [replace(action)])
        (live,) = box.torrents.values()
        assert live.has_metadata and result.outcome in (Outcome.APPLIED, Outcome.DROPPED)


@pytest.mark.parametrize(
    ("is_private", "outcome", "error"),
    [
        (False, Outcome.APPLIED, None),
        (True, Outcome.DEFERRED, "x is not sent as a peer: its peers come from its trackers only"),
    ],
)
def test_a_peer_is_sent_again(is_private: bool, outcome: Outcome, error: str | None) -> None:
    data = make_torrent(1, extra_info=PRIVATE if is_private else None)
    box = MemoryInstance()
    box.add_torrent_files({"a": data}, AddOptions(False, False))
    update = replace(make_update(data), changes=(Change("peer", None, "x"),))
    (result,) = execute(box, make_provider(data), [update])
    assert (result.outcome, result.error) == (outcome, error)
    assert box.peers == ({} if is_private else {update.torrent_id: {PEER}})
