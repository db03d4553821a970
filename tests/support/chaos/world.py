"""The world of a chaos run: servers with torrents of other people, and a desired state."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final

from reconciler.demo.servers import QbittorrentServer
from reconciler.model.metainfo import parse_metainfo
from tests.support.chaos.proxy import ChaosProxy
from tests.support.magnets import make_infohash, make_magnet
from tests.support.raw import RawClient
from tests.support.torrents import make_content, make_torrent

OWNER_TAG: Final = "reconcile:chaos"
PASSKEY: Final = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
STOPPED: Final = {"paused": "true", "stopped": "true"}
RATES: Final = {"100 KiB/s": 102_400, "2 MiB/s": 2_097_152, "unlimited": 0}
IGNORED_NUMBER: Final = 908
# Torrents of others, by number: why they must stay as they are, and how they are added.
FOREIGN: Final[dict[int, tuple[str, dict[str, str]]]] = {
    900: ("foreign, stopped", {**STOPPED}),
    901: ("foreign, running", {"category": "theirs", "tags": "mine,x y"}),
    902: ("of another owner", {**STOPPED, "tags": "reconcile:other"}),
    903: ("ours, ignored, not declared", {**STOPPED, "tags": f"{OWNER_TAG},reconcile:ignore"}),
    904: ("ours, protected, not declared", {**STOPPED, "tags": f"{OWNER_TAG},reconcile:protect"}),
    IGNORED_NUMBER: ("ignored, but declared", {**STOPPED, "tags": "reconcile:ignore"}),
}


@dataclass
class Entry:
    """A declared torrent: a magnet, or a .torrent file whose data is on some of the servers."""

    infohash: str
    source: dict[str, str]
    keys: dict[str, Any]

    def render(self) -> str:
        """Return the entry as flow YAML."""
        return json.dumps({**self.source, **self.keys}, ensure_ascii=False)


@dataclass
class Box:
    """A server, its proxy, and what must stay as it is on it. A new client logs in, past the proxy."""

    name: str
    version: str
    server: QbittorrentServer
    proxy: ChaosProxy
    foreign: dict[str, str] = field(default_factory=dict)
    views: dict[str, dict[str, Any]] = field(default_factory=dict)
    wants_restart: bool = False
    up_at: float | None = None  # while it is down: when it is started again
    _client: RawClient | None = None
    _lock: threading.RLock = field(default_factory=threading.RLock)  # a kill by another thread waits for a start

    @property
    def client(self) -> RawClient:
        """A client that is logged in; a login takes the server a tenth of a second."""
        client = self._client or RawClient(self.server)
        self._client = client
        return client

    def restart(self) -> None:
        """Stop the server gracefully and start it again."""
        with self._lock:
            self._client = self.up_at = None
            self.server.restart()

    @property
    def stop_word(self) -> str:
        """The name of the request that stops a torrent."""
        return "stop" if self.version >= "5" else "pause"

    def kill(self, seconds: float) -> None:
        """End the server like a crash, for so long. Another thread may start it again only then."""
        with self._lock:
            self._client = None
            self.server.kill()
            self.up_at = time.monotonic() + seconds

    def start_if_due(self, *, now: bool = False) -> None:
        """Start the server again if it has been down for long enough, or restart it if that is wanted."""
        with self._lock:
            if self.wants_restart and self.up_at is None:
                self.restart()
            self.wants_restart = False
            if self.up_at is not None and (now or time.monotonic() >= self.up_at):
                self._client = self.up_at = None
                self.server.start()

    def add_foreign_torrents(self, *, with_restart: bool) -> None:
        """Add the torrents of others, and remember how they look. After a restart, a kill loses none of them."""
        client = self.client
        client.post("torrents/createCategory", category="theirs", savePath=str(self.server.downloads / "theirs"))
        for number, (reason, options) in FOREIGN.items():
            form = {"paused": "false", "stopped": "false", "autoTMM": "false", **options}
            client.post("torrents/add", urls=make_magnet(number), **form)
            self.foreign[make_infohash(number)] = reason
        client.wait_until(lambda: self.foreign.keys() <= client.list_torrents().keys())
        for number, (_reason, options) in FOREIGN.items():
            if "tags" in options:  # 4.2.5 ignores them at an add
                client.add_tags([number], *options["tags"].split(","))
        if with_restart:
            client.wait_until(lambda: self.foreign.keys() <= self._list_saved())
            self.restart()
            client = self.client
            client.wait_until(lambda: self.foreign.keys() <= client.list_torrents().keys())
        self.views = self.read_views(self.foreign)

    def _list_saved(self) -> set[str]:
        """Return the infohashes of the torrents that are on disk: without them, a restart may lose a torrent."""
        return {path.stem for path in self.server.profile.rglob("*.fastresume")}

    def read_views(self, infohashes: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Return what a person sees of torrents, without what changes by itself."""
        client = self.client
        rows, stopped = client.list_torrents(), client.list_stopped()
        return {key: view_row(rows[key], key in stopped) for key in infohashes if key in rows}

    def change_password(self, password: str, *, with_restart: bool) -> None:
        """Somebody changes the password of the Web UI. Its sessions stay until a restart, which saves it."""
        self.client.post("app/setPreferences", json=json.dumps({"web_ui_password": password}))
        self.server.password = password
        if with_restart:
            self.restart()


def view_row(row: dict[str, Any], is_stopped: bool) -> dict[str, Any]:
    """Return the values of a torrent that change only when somebody changes them."""
    return {
        "name": row["name"],
        "category": row["category"],
        "tags": sorted(tag.strip() for tag in row["tags"].split(",") if tag.strip()),
        "save_path": row["save_path"].rstrip("/"),
        "auto_tmm": row["auto_tmm"],
        "stopped": is_stopped,
        "download_limit": max(0, row["dl_limit"]),
        "upload_limit": max(0, row["up_limit"]),
        "sequential": row["seq_dl"],
        "first_last_piece_first": row["f_l_piece_prio"],
        "ratio": round(row["ratio_limit"], 2),
    }


@dataclass
class World:
    """The servers by name, and the entries by infohash. `group`: the strategy, or None for a single server."""

    folder: Path
    dice: Random
    boxes: dict[str, Box]
    group: str | None
    policy: str
    entries: dict[str, Entry] = field(default_factory=dict)
    dropped: dict[str, Entry] = field(default_factory=dict)
    untagged: set[str] = field(default_factory=set)  # no longer ours, for somebody took our tag off
    read_timeout: str = "20s"
    next_number: int = 1

    @property
    def downloads(self) -> Path:
        """The folder for declared torrents: one for all servers, so that their paths are the same."""
        return self.folder / "data"

    def prepare(self, *, with_restart: bool) -> None:
        """Add the torrents of others, and declare the first entries."""
        self.downloads.mkdir()
        for box in self.boxes.values():
            box.add_foreign_torrents(with_restart=with_restart)
        for _ in range(self.dice.randint(3, 7)):
            self.declare()
        if not self.group:
            ignored = make_infohash(IGNORED_NUMBER)
            self.entries[ignored] = Entry(ignored, {"magnet": make_magnet(IGNORED_NUMBER)}, {"category": "c1"})
        self.write_secrets()
        self.write()

    def declare(self) -> None:
        """Declare one more torrent."""
        number, self.next_number = self.next_number, self.next_number + 1
        if self.group and self.dice.random() < 0.75:
            data = make_torrent(number, trackers=[f"http://127.0.0.1:9/{PASSKEY}/announce"])
            (self.folder / f"{number}.torrent").write_bytes(data)
            infohash = str(parse_metainfo(data).infohashes.v1)
            if self.dice.random() < 0.7:
                (self.downloads / f"torrent-{number}").write_bytes(make_content(number))
            source = {"torrent": f"{number}.torrent"}
        else:
            magnet = f"{make_magnet(number)}&tr=http%3A%2F%2F127.0.0.1%3A9%2F{PASSKEY}%2Fannounce"
            infohash, source = make_infohash(number), {"magnet": magnet}
        self.entries[infohash] = Entry(infohash, source, self.draw_keys())

    def draw_keys(self) -> dict[str, Any]:
        """Return the keys of an entry at random."""
        dice = self.dice
        if self.group:
            return {"instance": "g", "save_path": str(self.downloads), "paused": False, "tags": ["t1"]}
        keys: dict[str, Any] = {
            "category": dice.choice(["c1", "c2", ""]),
            "save_path": str(self.downloads / dice.choice(["x", "y", "z ä"])),
            "tags": dice.choice([["t1"], ["t1", "tag 2"], {"only": ["täg"]}]),
            "paused": dice.random() < 0.6,
            "download_limit": dice.choice(list(RATES)),
            "upload_limit": dice.choice(list(RATES)),
            "sequential": dice.random() < 0.5,
            "first_last_piece_first": dice.random() < 0.5,
            "share_limits": {"ratio": dice.choice([1.5, 2])},
            "name": f"a name {dice.randint(1, 99)}",
        }
        return {key: value for key, value in keys.items() if dice.random() < 0.45}

    def edit(self) -> None:
        """A commit: entries go, come, come back and change."""
        dice = self.dice
        names = [key for key in self.entries if key != make_infohash(IGNORED_NUMBER)]
        for key in dice.sample(names, min(dice.choice([0, 1, 2]), max(0, len(names) - 2))):
            self.dropped[key] = self.entries.pop(key)
        if self.dropped and dice.random() < 0.3:
            key = dice.choice(list(self.dropped))
            self.entries[key] = self.dropped.pop(key)
        for _ in range(dice.choice([0, 1, 2])):
            self.declare()
        for key in dice.sample(names, min(2, len(names))):
            if key in self.entries:
                self.entries[key].keys = self.draw_keys()
        self.write()

    def drift(self) -> str:
        """Somebody changes a torrent of ours in the Web UI. Returns what."""
        box = self.dice.choice(list(self.boxes.values()))
        client = box.client
        ours = [
            key for key, row in client.list_torrents().items() if key not in box.foreign and OWNER_TAG in row["tags"]
        ]
        if not ours:
            return "nothing to change by hand"
        key = self.dice.choice(sorted(ours))
        changes: dict[str, tuple[str, dict[str, str]]] = {
            "delete": ("torrents/delete", {"deleteFiles": "false"}),
            "tag": ("torrents/addTags", {"tags": "by hand"}),
            "limit": ("torrents/setDownloadLimit", {"limit": "7000"}),
            "toggle": ("torrents/toggleSequentialDownload", {}),
            "stop": (f"torrents/{box.stop_word}", {}),
            "untag": ("torrents/removeTags", {"tags": OWNER_TAG}),
        }
        names = [name for name in changes if name != "untag" or key in self.entries]
        name = self.dice.choice(names)
        if name == "untag":
            self.untagged.add(key)
        endpoint, form = changes[name]
        client.post(endpoint, hashes=key, **form)
        return f"{name} {key[:10]} on {box.name}"

    def write(self) -> None:
        """Write the desired state, as a new file that is renamed."""
        guard = "{max_delete: 1000, max_delete_percent: 100}"
        lines = ["version: 1", "owner: chaos", f"policy: {self.policy}", f"guard: {guard}", "instances:"]
        for name, box in self.boxes.items():
            login = f"username: {box.server.username}, password: {{file: {name}.secret}}"
            lines.append(
                f"  {name}: {{url: '{box.proxy.url}', {login}, timeout: {{connect: 2s, read: {self.read_timeout}}}}}"
            )
        if self.group:
            after = "" if self.group == "replicate" else ", failover_after: 1s"
            lines.append(f"groups:\n  g: {{strategy: {self.group}, members: [{', '.join(self.boxes)}]{after}}}")
        else:
            lines.append(f"categories:\n  c1: {{save_path: '{self.downloads}/c1'}}\n  c2: {{}}")
        lines += ["torrents:", *(f"  - {entry.render()}" for entry in self.entries.values())]
        new_file = self.folder / ".desired.yaml.new"
        new_file.write_text("\n".join(lines) + "\n")
        new_file.replace(self.folder / "desired.yaml")

    def write_secrets(self) -> None:
        """Write the passwords as they are now."""
        for name, box in self.boxes.items():
            (self.folder / f"{name}.secret").write_text(box.server.password)
