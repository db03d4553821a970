"""Torrents on real servers that get their metadata from another instance, of every version, killed at every step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from reconciler.demo.servers import QbittorrentServer
from reconciler.model.infohash import InfoHashes
from reconciler.model.metainfo import parse_metainfo
from reconciler.model.snapshot import AddOptions
from reconciler.qbittorrent import Session
from tests.conftest import MakeProxy, MakeServer
from tests.support.home import Home
from tests.support.instances import is_saved, make_instance
from tests.support.opentracker import Opentracker
from tests.support.proxy import Proxy, answer_with_status, reset_before
from tests.support.raw import RawClient
from tests.support.swarm import SESSION_SETTINGS, has_data, is_complete, write_data
from tests.support.torrents import TorrentKind, make_torrent

SIZE = 50_000
PASSKEY = "3f9c2d71aa40b86e"
HAND_OVER = (
    ("a", "torrents/export"),
    ("a", "app/preferences"),
    ("b", "torrents/add"),
    ("b", "torrents/addPeers"),
)
GUARD = "guard: {max_delete: 100, max_delete_percent: 100}\n"


@dataclass
class Lab:
    """Instances behind recording proxies, and the torrents that some of them have complete."""

    home: Home
    make_server: MakeServer
    make_proxy: MakeProxy
    size: int = SIZE
    servers: dict[str, QbittorrentServer] = field(default_factory=dict)
    proxies: dict[str, Proxy] = field(default_factory=dict)
    raws: dict[str, RawClient] = field(default_factory=dict)

    def add_instance(self, name: str, version: str) -> None:
        """Start one more instance."""
        server = self.servers[name] = self.make_server(version, session=SESSION_SETTINGS)
        proxy = self.proxies[name] = self.make_proxy(server)
        self.raws[name] = RawClient(server)
        self.home.add_instance(proxy.url, server.username, server.password, name)

    def seed(self, name: str, number: int, kind: TorrentKind = "v1", tracker: str = "") -> InfoHashes:
        """Let an instance have a made-up torrent of ours, complete; with a tracker it is private."""
        more = {"extra_info": {"private": 1}, "trackers": [tracker]} if tracker else {}
        data = make_torrent(number, kind, size=self.size, **more)  # type: ignore[arg-type]
        hashes, raw = parse_metainfo(data).infohashes, self.raws[name]
        write_data(self.servers[name], number, self.size)
        with Session(make_instance(self.servers[name])) as session:
            session.add_torrent_files({"a": data}, AddOptions(stopped=False, auto_tmm=False, tags=("reconcile:home",)))
        raw.wait_until(lambda: any(is_complete(raw, key) for key in hashes.ids))
        raw.post("torrents/addTags", hashes="|".join(hashes.ids), tags="reconcile:home")  # 4.2 has none at an add
        return hashes

    def settle(self, condition: Callable[[], bool]) -> None:
        """Run until a condition holds."""

        def is_settled() -> bool:
            return condition() or (self.home.run() and condition())  # type: ignore[return-value]

        RawClient.wait_until(is_settled)

    def has_whole(self, name: str, number: int, hashes: InfoHashes) -> bool:
        """Return True if an instance has a torrent with all its data."""
        is_there = any(is_complete(self.raws[name], key) for key in hashes.ids)
        return is_there and has_data(self.servers[name], number, self.size)

    def list_peers_sent_for(self, name: str) -> set[str]:
        """Return the ids of the torrents that an instance was given a peer for."""
        sent = [request for request in self.proxies[name].requests if request.endpoint == "torrents/addPeers"]
        return {key for request in sent for key in parse_qs(request.body.decode())["hashes"]}


@pytest.fixture
def lab(tmp_path: Path, make_server: MakeServer, make_proxy: MakeProxy) -> Iterator[Lab]:
    """A laboratory without instances."""
    with Home(tmp_path) as home:
        yield Lab(home, make_server, make_proxy)


def declare(hashes: InfoHashes, group: str) -> str:
    """Declare a torrent by its v1 infohash alone."""
    return f'{{magnet: "magnet:?xt=urn:btih:{hashes.v1}", instance: {group}}}'


def test_a_torrent_goes_from_every_version_to_every_version(lab: Lab, state_dir: Path) -> None:
    """A public hybrid torrent without a tracker, and a private one whose tracker only the holder knows."""
    holders = {"h45": "4.5.2", "h51": "5.1.0", "h53": "5.3.0"}
    receivers = {"r42": "4.2.5", "r45": "4.5.2", "r51": "5.1.0", "r53": "5.3.0"}
    for name, version in (holders | receivers).items():
        lab.add_instance(name, version)
    with Opentracker() as tracker:
        torrents: list[tuple[str, int, InfoHashes, bool]] = []
        for receiver in receivers:
            for holder in holders:
                number = len(torrents) + 1
                torrents.append((receiver, number, lab.seed(holder, number, "hybrid"), False))
                url = f"{tracker.url}?passkey={PASSKEY}"
                made = make_torrent(number + 1, size=SIZE, trackers=[url], extra_info={"private": 1})
                tracker.allow_torrent(str(parse_metainfo(made).infohashes.v1))
                torrents.append((receiver, number + 1, lab.seed(holder, number + 1, tracker=url), True))
        groups = ", ".join(f"g{name}: {{strategy: failover, members: [{name}]}}" for name in receivers)
        entries = [declare(hashes, f"g{receiver}") for receiver, _, hashes, _ in torrents]
        lab.home.write(*entries, head=f"{GUARD}groups: {{{groups}}}\n")

        planned = lab.home.run("--dry-run")
        assert (planned.exit_code, planned.summary["add"]) == (0, len(torrents))
        assert all(proxy.count_requests("torrents/export") == 0 for proxy in lab.proxies.values())
        added = lab.home.run("-v")
        assert (added.exit_code, added.summary["add"]) == (0, len(torrents)), added.out
        sent = {name: lab.list_peers_sent_for(name) for name in receivers}
        for receiver, number, hashes, _ in torrents:
            lab.raws[receiver].wait_until(lambda r=receiver, n=number, h=hashes: lab.has_whole(r, n, h))  # type: ignore[misc]
        moved = lab.home.run("-v")
        assert (moved.exit_code, moved.summary["delete"]) == (0, len(torrents)), moved.out
        assert not any(lab.raws[name].list_torrents() for name in holders)
        assert lab.home.run().summary == {"unchanged": len(torrents)}

    for receiver, _, hashes, is_private in torrents:
        assert sent[receiver].isdisjoint(hashes.ids) == is_private, "whoever has a private torrent is no one's business"
    written = b"".join(path.read_bytes() for path in state_dir.rglob("*") if path.is_file())
    for text in (planned.out, added.out, added.err, moved.out, moved.err, written.decode(errors="replace")):
        assert PASSKEY not in text


def test_what_is_stuck_says_so(lab: Lab) -> None:
    """A torrent that 4.2 has and cannot export, and one that is on 4.2 already, which takes no metadata then."""
    lab.add_instance("old", "4.2.5")
    lab.add_instance("new", "5.3.0")
    raw, old = lab.raws["new"], lab.raws["old"]
    kept, given = lab.seed("old", 1), lab.seed("new", 2)
    old.add_magnets([f"magnet:?xt=urn:btih:{given.v1}"], paused="false")
    old.post("torrents/addTags", hashes=given.v1, tags="reconcile:home")
    group = "groups: {g: {strategy: failover, members: [new]}}\n"
    entries = (declare(kept, "g"), declare(given, "old"), declare(given, "new"))
    lab.home.write(*entries, head=GUARD + group)
    assert (lab.home.run().exit_code, lab.home.run("--strict").exit_code) == (0, 1)
    raw.wait_until(lambda: raw.list_torrents()[str(kept.v1)]["state"] == "metaDL")
    old.wait_until(lambda: old.list_torrents()[str(given.v1)]["state"] == "metaDL")
    waiting = lab.home.run()
    assert (waiting.exit_code, waiting.instance("new")["faults"]) == (0, []), "that is normal for a while"
    lab.home.write(*entries, head=f"{GUARD}{group}stuck_after: 1s\n")
    lab.settle(lambda: lab.home.run().summary.get("deferred") == 2)
    stuck = lab.home.run()
    assert stuck.exit_code == 1
    for name, reason in (
        ("new", "and old has it, but qBittorrent v4.2.5 cannot export it; 4.5 and later can"),
        ("old", "new has it, but qBittorrent v4.2.5 takes none for a torrent that is there"),
    ):
        (fault,) = stuck.instance(name)["faults"]
        assert (fault["kind"], fault["serious"], fault["label"]) == ("no_metadata", True, "deferred")
        assert fault["reason"].startswith("no metadata since ") and reason in fault["reason"]
    for arguments in ((), ("--output", "markdown"), ("--output", "github"), ("status",), ("explain", str(kept.v1))):
        shown = lab.home.run_arguments(*arguments)
        assert "cannot export it" in " ".join(shown.out.split()), arguments
        assert shown.exit_code == (0 if "explain" in arguments else 1)
    old.post("torrents/delete", hashes=given.v1, deleteFiles="false")
    lab.settle(lambda: lab.has_whole("old", 2, given))


def test_a_torrent_without_metadata_gets_it(lab: Lab) -> None:
    """It was added before any instance had it; a hybrid torrent gets another id by it."""
    for name, version in (("holder", "5.1.0"), ("r45", "4.5.2"), ("r51", "5.1.0"), ("r53", "5.3.0")):
        lab.add_instance(name, version)
    receivers, hashes = ("r45", "r51", "r53"), parse_metainfo(make_torrent(1, "hybrid", size=SIZE)).infohashes
    entries = [f'{{magnet: "magnet:?xt=urn:btih:{hashes.v1}", instance: {name}, tags: [kept]}}' for name in receivers]
    lab.home.write(*entries)
    assert lab.home.run().summary == {"add": 3}
    for name in receivers:
        raw = lab.raws[name]
        raw.wait_until(lambda raw=raw: [row["state"] for row in raw.list_torrents().values()] == ["metaDL"])  # type: ignore[misc]
    lab.seed("holder", 1, "hybrid")
    lab.home.write(*entries, declare(hashes, "holder"))
    done = lab.home.run()
    assert (done.exit_code, done.summary["update"]) == (0, 3), done.out
    assert {line for name in receivers for line in done.actions(name)} == {f"update {hashes.v1} metadata applied"}
    for name in receivers:
        lab.raws[name].wait_until(lambda name=name: lab.has_whole(name, 1, hashes))  # type: ignore[misc]
        (row,) = lab.raws[name].list_torrents().values()
        assert {tag.strip() for tag in row["tags"].split(",")} == {"kept", "reconcile:home"}
        lab.proxies[name].clear()
    assert lab.home.run().summary == {"unchanged": 4}
    assert not any(lab.proxies[name].mutations for name in receivers)


def test_a_copy_that_another_instance_needs_is_deleted_last(lab: Lab) -> None:
    """Entries get another instance: the old copies are pruned, and they are where the metadata is."""
    lab.add_instance("old", "5.1.0")
    lab.add_instance("new", "5.3.0")
    first, second = lab.seed("old", 1), lab.seed("old", 2)
    lab.home.write(declare(first, "new"), declare(second, "old"), head=GUARD)
    lab.proxies["old"].add_fault("torrents/export", answer_with_status(409))
    kept = lab.home.run()
    assert [result["outcome"] for result in kept.instance("old")["actions"]] == ["deferred"], kept.out
    assert len(lab.raws["old"].list_torrents()) == 2
    lab.proxies["old"].clear()
    lab.home.write(declare(first, "new"), declare(second, "new"), head=GUARD)
    lab.settle(lambda: not lab.raws["old"].list_torrents())
    endpoints = [request.endpoint for request in lab.proxies["old"].requests]
    assert endpoints.index("torrents/delete") > endpoints.index("torrents/export")
    assert all(row["size"] == SIZE for row in lab.raws["new"].list_torrents().values())


def test_instances_that_swap_torrents_report_every_action(lab: Lab) -> None:
    lab.add_instance("left", "5.1.0")
    lab.add_instance("right", "5.3.0")
    first, second = lab.seed("left", 1), lab.seed("right", 2)
    lab.home.write(declare(first, "right"), declare(second, "left"), head=GUARD)
    swapped = lab.home.run()
    assert (swapped.exit_code, swapped.summary) == (0, {"add": 2, "delete": 2}), swapped.out
    assert lab.home.run().summary == {"unchanged": 2}


def test_a_run_that_is_killed_at_any_step_is_completed(lab: Lab) -> None:
    """Our process or either server is killed at each request of a hand-over, before and after it is carried out."""
    lab.add_instance("a", "5.1.0")
    lab.add_instance("b", "5.3.0")
    lab.size = 10_000  # of one piece
    steps = [("us", side, endpoint, when) for side, endpoint in HAND_OVER for when in (False, True)]
    steps += [
        ("a", "a", "torrents/export", False),
        *(("b", "b", f"torrents/{name}", True) for name in ("add", "addPeers")),
    ]
    done: list[tuple[int, InfoHashes]] = []
    for victim, side, endpoint, is_carried_out in steps:
        number = len(done) + 1
        hashes = lab.seed("a", number, "hybrid" if number % 2 else "v1")
        lab.raws["a"].wait_until(lambda ids=hashes.ids: any(is_saved(lab.servers["a"], key) for key in ids))  # type: ignore[misc]
        done.append((number, hashes))
        entries = [declare(hashes, "g") for _, hashes in done]
        lab.home.write(*entries, head=f"{GUARD}groups: {{g: {{strategy: failover, members: [b]}}}}\n")
        interrupt(lab, victim, side, endpoint, is_carried_out=is_carried_out)
        assert any(has_data(lab.servers[name], number, lab.size) for name in "ab"), "it is never lost"
        lab.settle(lambda: lab.has_whole("b", *done[-1]))
    lab.settle(lambda: not lab.raws["a"].list_torrents())
    assert all(lab.has_whole("b", *torrent) for torrent in done)
    lab.proxies["b"].clear()
    assert lab.home.run().summary == {"unchanged": len(done)}
    assert not lab.proxies["b"].mutations


def interrupt(lab: Lab, victim: str, side: str, endpoint: str, *, is_carried_out: bool) -> None:
    """Run, and kill us or the server of a side at its next request to an endpoint."""
    command = lab.home.start()

    def kill(handler: object, body: bytes) -> None:
        if is_carried_out:
            handler.ask_server(body)  # type: ignore[attr-defined]
        if victim == "us":
            command.kill()
        else:
            lab.servers[victim].kill()
        reset_before(handler, body)  # type: ignore[arg-type]

    lab.proxies[side].add_fault(endpoint, kill)
    RawClient.wait_until(lambda: not command.is_running)
    if victim != "us":
        lab.servers[victim].start()
        lab.raws[victim] = RawClient(lab.servers[victim])
    lab.proxies[side].rules.clear()
