"""The instances that give metadata to others, as the threads of a run use them."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from reconciler.engine.metadata import MetadataHolder, ReceiverHolders, list_metadata_instances, share_targets
from reconciler.engine.observation import Observation
from reconciler.model.errors import RejectedError, UnreachableError
from reconciler.model.plan import AddTorrent, InstancePlan, MetadataSource, Outcome
from reconciler.model.snapshot import AddOptions
from reconciler.model.torrent_file import TorrentFileError
from reconciler.testing.memory import MemoryInstance
from tests.support.fake_retry import fake_retry_policy
from tests.support.planner_inputs import make_desired_state
from tests.support.torrents import make_torrent

DATA = make_torrent(1)


def make_holder(box: MemoryInstance, url: str = "http://127.0.0.1") -> MetadataHolder:
    """Return an instance with a torrent as a source of metadata."""
    box.add_torrent_files({"a": DATA}, AddOptions(False, False))
    instance = make_desired_state({"instances": ["x"], "url": url}).instances["x"]
    return MetadataHolder(instance, box, fake_retry_policy())


def test_a_holder_that_fails_is_not_asked_again() -> None:
    box = MemoryInstance()
    holder, (torrent_id,) = make_holder(box), box.torrents
    assert holder.export_torrent(torrent_id) == DATA
    box.fail_next(1, RejectedError("a piece layer is invalid", 409))
    with pytest.raises(TorrentFileError, match="a piece layer is invalid"):
        holder.export_torrent(torrent_id)
    with pytest.raises(TorrentFileError, match="it has no metadata, or is gone"):
        holder.export_torrent("0" * 40)
    assert holder.export_torrent(torrent_id) == DATA, "that was about one torrent"
    box.fail_next(100, UnreachableError("x: gone"))
    for _ in range(2):
        with pytest.raises(TorrentFileError, match="x: gone"):
            holder.export_torrent(torrent_id)
        count = box.request_count
    assert box.request_count == count


@pytest.mark.parametrize(
    ("receiver_url", "address"), [("http://127.0.0.1:1", "127.0.0.1:50000"), ("http://10.1.1.1:1", None)]
)
def test_an_address_of_this_machine_is_for_receivers_on_it(receiver_url: str, address: str | None) -> None:
    box = MemoryInstance()
    holder, source = make_holder(box), MetadataSource("x", next(iter(box.torrents)))
    box.live_preferences["listen_port"] = 50_000
    receiver = make_desired_state({"instances": ["y"], "url": receiver_url}).instances["y"]
    holders = ReceiverHolders({"x": holder}, receiver)
    count = box.request_count
    assert [holders.find_peer_address(source) for _ in range(3)] == [address] * 3
    assert box.request_count == count + 1
    assert holders.export_torrent(source) == DATA


def test_only_what_is_carried_out_needs_a_source() -> None:
    action = AddTorrent("a", "declared", metadata_from=MetadataSource("x", "1"))
    held = replace(action, hold=Outcome.DEFERRED, metadata_from=MetadataSource("z", "1"))
    plan = InstancePlan("y", (action, held, AddTorrent("b", "declared")))
    assert list_metadata_instances([plan]) == {"x"}
    assert list_metadata_instances([replace(plan, suspended=True)]) == frozenset()


def test_requests_of_several_threads_wait_for_each_other() -> None:
    busy, overlaps = threading.Lock(), []

    class Box(MemoryInstance):
        def read_default_save_path(self) -> str:
            overlaps.append(not busy.acquire(blocking=False))
            threading.Event().wait(0.001)
            busy.release()
            return super().read_default_save_path()

    target = share_targets({"x": Observation(Box())}, ["x"])["x"].target
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(lambda _: target.read_default_save_path(), range(20))) == {"/downloads"}
    assert overlaps == [False] * 20
    assert target.request_count == 20
