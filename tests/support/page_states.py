"""Every state that the pages can show, brought about on real servers by a real watch, one after the other.

The tests of the pages visit each state, and `tests.support.screenshots` takes pictures of it.
"""

from __future__ import annotations

import hashlib
import json
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from playwright.sync_api import Page, expect

from reconciler.demo.servers import QbittorrentServer
from tests.support.example_runs import HOSTILE_NAME
from tests.support.home import Home
from tests.support.raw import RawClient
from tests.support.torrents import bencode
from tests.support.vpn import Vpn
from tests.support.watch_process import WatchProcess, start_watch

TOKEN: Final = "a-token-for-the-pages-alone"
SMALL: Final = 100_000  # bytes of a torrent
PIECE_SIZE: Final = 1 << 20

HOME_ISOS: Final = (
    "debian-13.2.0-amd64-netinst.iso",
    "ubuntu-24.04.3-live-server-amd64.iso",
    "Fedora-Workstation-Live-43-1.6.x86_64.iso",
    "openSUSE-Leap-16.0-offline-installer-x86_64.iso",
    "linuxmint-22.2-cinnamon-64bit.iso",
    "nixos-graphical-25.11-x86_64-linux.iso",
)
NAS_FILMS: Final = ("Sintel (2010) 4K.mkv", "Big Buck Bunny (2008) 1080p.mkv", "Tears of Steel (2012) 4K.mkv")
PARTIAL: Final = {HOME_ISOS[2]: 0.62, NAS_FILMS[2]: 0.35}  # what is there of their data
FOREIGN: Final = "somebody-elses-backup.tar"
CONTESTED: Final = HOME_ISOS[1]
HANDED_IN: Final = "5" * 40  # the infohash of a torrent that comes through the intake, and goes
# Text that must stay text, in each direction and of any length
HOSTILE_NAMES: Final = (
    "<script>alert(1)</script><img src=x onerror=alert(2)>.iso",
    "'\"><a href=javascript:alert(3)>click</a>",
    "\u202egpj.exe reversed \u2066isolated",
    "مرحبا بالعالم.mkv",
    "no-space-anywhere-" + "x" * 180,
    ("many words " * 18).strip(),
)


@dataclass(frozen=True, slots=True)
class PageState:
    """A state in which a watch is now.

    `tone`: of the whole loop. `says`: texts that the overview shows. `paths`: the pages that look different in it;
    those of actions are for who has signed in.
    """

    name: str
    url: str
    tone: str
    says: tuple[str, ...]
    paths: tuple[str, ...] = ("",)


class PageStage:
    """Two instances, `home` and `nas`, a VPN that `nas` uses, and a watch that serves pages about them.

    `intake`: its declaration, as a line of the desired state.
    `size`: bytes of each torrent. Nearly all of them are zero, so a large one takes no space.
    """

    def __init__(self, home: Home, make_server: Callable[..., QbittorrentServer], size: int = SMALL) -> None:
        self.home, self.size, self.intake = home, size, ""
        self.vpn = Vpn()
        self.servers = {"home": make_server("5.1.0"), "nas": make_server("5.3.0")}
        self._stack = ExitStack()
        self._stack.callback(self.vpn.gone)
        health = f'health: [{{tcp: "127.0.0.1:{self.vpn.port}", timeout: 2s}}]\nwhen_unhealthy: pause'
        for name, server in self.servers.items():
            home.add_instance(server.url, server.username, server.password, name, health if name == "nas" else "")
        for name in (*HOME_ISOS, *NAS_FILMS, FOREIGN):
            self._make_torrent(name)
        self.raws = {name: RawClient(server) for name, server in self.servers.items()}
        (home.folder / "token").write_text(TOKEN)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    def declare(self, *more: str, isos: int = len(HOME_ISOS), films: int = len(NAS_FILMS), head: str = "") -> None:
        """Write the desired state: the first ISO images for `home`, the first films for `nas`, and more entries."""
        entries = [self._write_entry(name, "home", "linux") for name in HOME_ISOS[:isos]]
        entries += [self._write_entry(name, "nas", "films") for name in NAS_FILMS[:films]]
        categories = {name: {"save_path": str(self.home.folder / name)} for name in ("linux", "films")}
        head = f"guard: {{max_delete: 3}}\n{self.intake}{head}"
        self.home.write(*entries, *more, head=f"{head}\ncategories: {json.dumps(categories)}\n")

    def wait_for_data(self) -> None:
        """Wait until the servers have checked what is there."""
        self.raws["home"].wait_until(lambda: not self._is_checking(), timeout=300)

    def _is_checking(self) -> bool:
        rows = [row for raw in self.raws.values() for row in raw.list_torrents().values()]
        return any(row["state"].startswith("checking") for row in rows)

    def watch(self, *options: str, interval: str = "5s") -> PageWatch:
        """Start a watch, which ends with the stage."""
        listen = ("--listen", "127.0.0.1:0", "--token-file", "token", *options)
        process = self._stack.enter_context(start_watch(self.home, *listen, interval=interval))
        process.wait_until(lambda: process.has_logged("http listening"))
        return PageWatch(process, next(line["url"] for line in process.log if line["event"] == "http listening") + "/")

    def add_foreign_torrent(self) -> None:
        """Let `nas` have a torrent that is not ours."""
        data = (self.home.folder / f"{FOREIGN}.torrent").read_bytes()
        key = hashlib.sha1(data[len(b"d4:info") : -1]).hexdigest()
        self.raws["nas"].add_magnets([f"magnet:?xt=urn:btih:{key}&dn={FOREIGN}"])

    def find_hash(self, name: str) -> str:
        """Return the infohash of a torrent, by its name on its instance."""
        rows = [row for raw in self.raws.values() for row in raw.list_torrents().values()]
        return str(next(row["hash"] for row in rows if row["name"] == name))

    def _write_entry(self, name: str, instance: str, category: str) -> str:
        keys = {"torrent": f"{name}.torrent", "instance": instance, "category": category, "tags": ["shared"]}
        return json.dumps(keys)

    def _make_torrent(self, name: str) -> None:
        """Write a .torrent file, and as much of its data as there should be."""
        zeros = hashlib.sha1(bytes(PIECE_SIZE)).digest() * (self.size // PIECE_SIZE)
        rest = self.size % PIECE_SIZE
        zeros += hashlib.sha1(bytes(rest)).digest() if rest else b""
        info = {"length": self.size, "name": name, "piece length": PIECE_SIZE, "pieces": zeros}
        (self.home.folder / f"{name}.torrent").write_bytes(bencode({"info": info}))
        folder = self.home.folder / ("linux" if name in HOME_ISOS else "films")
        folder.mkdir(exist_ok=True)
        if name == FOREIGN:
            return
        with Path(folder, name).open("wb") as file:
            for piece in range(int((1 - PARTIAL.get(name, 1)) * self.size / PIECE_SIZE)):
                file.seek(piece * PIECE_SIZE)
                file.write(b"missing")
            file.truncate(self.size)


@dataclass(frozen=True)
class PageWatch:
    """A running watch. `url`: of its overview."""

    process: WatchProcess
    url: str

    def describe_state(self) -> str:
        """Return the last report and the end of its log, for a failed test."""
        return json.dumps(self.read("api/v1/plan")) + "".join(self.process.err[-10:])

    def read(self, path: str = "api/v1/status") -> Any:
        """Return what it says about itself; None before its first run."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=10) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            if error.code != 503:
                raise
            return None

    def run_now(self) -> None:
        """Ask for a run."""
        self.send("POST", "-/reload")

    def send(self, method: str, path: str, body: object = None) -> None:
        """Send a request with the token."""
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        urllib.request.urlopen(request, timeout=10).close()

    def wait_for(self, *states: str) -> None:
        """Wait until the loop is in one of these states."""
        self.process.wait_until(lambda: self.read()["state"] in states)

    def wait_for_plan(self, condition: Callable[[dict[str, Any]], bool]) -> None:
        """Wait until a condition holds for the report of the last run."""

        def is_reached() -> bool:
            report = self.read("api/v1/plan")
            return report is not None and condition(report)

        self.process.wait_until(is_reached)


def sign_in(page: Page, url: str) -> None:
    """Sign in with the keyboard."""
    page.goto(f"{url}sign-in")
    expect(page.get_by_label("Token")).to_be_focused()
    page.keyboard.type(TOKEN)
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def tell_of_a_watch(stage: PageStage) -> Iterator[PageState]:
    """Bring one watch from state to state: what people see in a year, in ten seconds."""
    stage.intake = "intake: {file: intake.yaml, instance: home}\n"
    stage.declare(isos=0, films=0)
    stage.add_foreign_torrent()
    watch = stage.watch()
    watch.run_now()
    watch.wait_for_plan(lambda report: report["summary"]["settings"] == 0)  # the first run sets what nas needs
    yield PageState("empty", watch.url, "wait", ("1 torrent on 2 instances",), ("", "torrents", "plan", "history"))

    stage.declare()
    watch.wait_for_plan(lambda report: report["summary"]["unchanged"] >= 9)
    stage.wait_for_data()
    watch.run_now()
    watch.wait_for("in_sync")
    torrent = f"torrents/{stage.find_hash(HOME_ISOS[2])}"
    paths = ("", "torrents", f"{torrent}?files=1", "plan", "history", "sign-in")
    yield PageState("in-sync", watch.url, "good", ("home", "nas"), paths)

    watch.send("POST", "api/v1/torrents", {"magnet": f"magnet:?xt=urn:btih:{HANDED_IN}&dn=Handed+in"})
    names = ("add", "suspend?instance=home", f"remove-torrent?torrent={HANDED_IN}")
    yield PageState("acting", watch.url, "good", (), ("actions", *(f"actions/{name}" for name in names)))
    watch.send("DELETE", f"api/v1/torrents/{HANDED_IN}")

    group = "groups: {anywhere: {strategy: spread, members: [{name: home, min_free_space: 900000 TiB}]}}"
    stage.declare('{torrent: "' + FOREIGN + '.torrent", instance: anywhere}', head=group)
    watch.wait_for_plan(lambda report: bool(report["pending"]))
    yield PageState("pending", watch.url, "bad", (FOREIGN, "min_free_space"))

    stage.declare()
    stage.vpn.down()
    watch.run_now()
    watch.wait_for("degraded")
    yield PageState("vpn-down", watch.url, "bad", ("nas", "VPN"))

    stage.vpn.up()
    watch.run_now()
    watch.wait_for("in_sync")
    stage.declare(isos=1)
    watch.wait_for("refused")
    plan_hash = watch.read("api/v1/plan")["plan_hash"]
    yield PageState("guard-refused", watch.url, "bad", (plan_hash,), ("", "plan", "actions/accept-plan"))

    stage.home.file.write_text(stage.home.file.read_text().replace("policy: sync", "policyy: sync"))
    watch.wait_for("invalid")
    yield PageState("broken-yaml", watch.url, "bad", ("desired.yaml:3", "policyy"))

    stage.declare()
    watch.wait_for("in_sync")
    _fight(stage, watch)
    yield PageState("contested", watch.url, "bad", (CONTESTED, "contested"))

    stage.servers["nas"].kill()
    watch.run_now()
    watch.wait_for_plan(lambda report: any(instance["status"] == "unreachable" for instance in report["instances"]))
    yield PageState("instance-down", watch.url, "bad", ("nas",), ("", "torrents"))
    watch.process.stop()


def _fight(stage: PageStage, watch: PageWatch) -> None:
    """Change a value back after each correction, until the watch leaves it alone.

    A run that is still reading its correction back must see it, or it waits for half a minute: the report of a run
    shows that it has ended.
    """
    raw, key = stage.raws["home"], stage.find_hash(CONTESTED)
    known_reports = -1

    def is_contested() -> bool:
        nonlocal known_reports
        reports = len(watch.process.out)
        if reports > known_reports and "shared" in raw.list_torrents()[key]["tags"]:
            known_reports = reports
            raw.post("torrents/removeTags", hashes=key, tags="shared")
            watch.run_now()
        return "contested" in str(watch.read("api/v1/plan")["instances"])

    watch.process.wait_until(is_contested)


def tell_of_drift(stage: PageStage) -> Iterator[PageState]:
    """Bring a watch that changes nothing to a plan full of differences, and of names that try everything."""
    stage.declare()
    assert stage.home.run().exit_code in (0, 2)
    raw = stage.raws["home"]
    raw.post("torrents/setCategory", hashes=stage.find_hash(HOME_ISOS[0]), category="")
    raw.post("torrents/removeTags", hashes=stage.find_hash(HOME_ISOS[1]), tags="shared")
    raw.post("torrents/delete", hashes=stage.find_hash(HOME_ISOS[2]), deleteFiles="false")
    stage.declare(isos=5)
    watch = stage.watch("--dry-run")
    watch.wait_for("pending")
    yield PageState("drift", watch.url, "wait", (HOME_ISOS[0], HOME_ISOS[5]), ("", "plan"))

    raw.post("torrents/rename", hash=stage.find_hash(HOME_ISOS[5]), name=HOSTILE_NAME.encode("utf-8", "replace"))
    stage.declare(*map(_write_hostile_entry, HOSTILE_NAMES), isos=5)
    watch.wait_for_plan(lambda report: report["summary"]["add"] >= len(HOSTILE_NAMES))
    yield PageState("hostile-names", watch.url, "wait", ("<script>",), ("", "plan", "torrents"))
    watch.process.stop()


def _write_hostile_entry(name: str) -> str:
    key = hashlib.sha1(name.encode()).hexdigest()
    return json.dumps({"magnet": f"magnet:?xt=urn:btih:{key}", "name": name, "instance": "nas", "category": "films"})
