"""A watch under every kind of trouble at once, for 20 seconds here and for as long as you like with `make soak`."""

from __future__ import annotations

import json
import os
import random
import re
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from reconciler.demo.servers import QbittorrentServer
from reconciler.journal import JOURNAL_FILE_NAME
from tests.conftest import MakeProxy, MakeServer
from tests.support import proxy as faults
from tests.support.home import Home, make_entry
from tests.support.magnets import make_infohash
from tests.support.proxy import Proxy
from tests.support.raw import RawClient
from tests.support.server_builds import Build, put_first
from tests.support.watch_process import WatchProcess, start_watch

SECONDS = float(os.environ.get("SOAK_SECONDS", "20"))
COUNT = 60  # torrents on each instance
NAMES = ("new", "old")
HASH = re.compile(r"[0-9a-f]{40}")
ANY_CHANGE = ("add", "adopt", "update")
MEANT_BY = {"torrents/delete": ("delete",), "torrents/add": ("add",)}
LIMITS = "guard: {max_delete: 1000, max_delete_percent: 100}"
TROUBLE = [
    faults.cut_answer(0.5),
    faults.answer_with_status(502),
    faults.answer_with_status(429),
    faults.reset_before,
    faults.reset_after,
]


class Soak:
    """Servers, proxies before them, a file, and random changes to one of them at a time."""

    def __init__(
        self, home: Home, servers: Mapping[str, QbittorrentServer], make_proxy: MakeProxy, dice: random.Random
    ) -> None:
        self.dice = dice
        self.home = home
        self.servers = servers
        self.proxies: dict[str, Proxy] = {
            name: make_proxy(server, known_login=None) for name, server in self.servers.items()
        }
        self.changes = 0
        for name, server in self.servers.items():
            home.add_instance(self.proxies[name].url, server.username, server.password, name=name)
            (home.folder / f"{name}.secret").write_text(server.password)
        self.write(range(COUNT))

    def write(self, numbers: Any, **keys: object) -> None:
        """Write another desired state as editors do: in place, or to a new file that is renamed."""
        torrents = [make_entry(n, instance=name, name=f"n{n}", tags=["x"], **keys) for name in NAMES for n in numbers]
        self.home.write(*torrents, head=LIMITS)
        text = self.home.file.read_text()
        for name in NAMES:
            text = text.replace(f"{{env: {name.upper()}_PASSWORD}}", f"{{file: {name}.secret}}")
        new_file = self.home.folder / ".desired.yaml.new"
        new_file.write_text(text)
        if self.dice.random() < 0.5:
            new_file.replace(self.home.file)
        else:
            self.home.file.write_text(text)
        self.changes += 1

    def step(self) -> None:
        """Make one random change."""
        name = self.dice.choice(NAMES)
        often: list[Callable[[str], None]] = [self.drift] * 12
        often += [self.edit] * 3
        often += [self.fault] * 3
        act = self.dice.choice([*often, self.restart, self.break_file, self.change_password])
        try:
            act(name)
        except OSError as error:
            ended = {name: server.exit_text for name, server in self.servers.items()}
            raise AssertionError(f"{act.__name__} of {name}: {error}; servers that ended: {ended}") from error

    def drift(self, name: str) -> None:
        """A person does something in the Web UI."""
        truth, number = RawClient(self.servers[name]), self.dice.randrange(COUNT)
        if self.dice.random() < 0.5:
            truth.remove_tags([number], "x")
        else:
            truth.post("torrents/delete", hashes=make_infohash(number), deleteFiles="false")

    def edit(self, _name: str) -> None:
        """Remove some torrents from the desired state, or add them again."""
        self.write(sorted(self.dice.sample(range(COUNT), self.dice.randrange(COUNT // 2, COUNT))))

    def fault(self, name: str) -> None:
        """The network fails for a few requests."""
        self.proxies[name].add_fault("", self.dice.choice(TROUBLE), times=self.dice.randrange(1, 5))

    def restart(self, name: str) -> None:
        """The server restarts."""
        self.servers[name].restart()

    def break_file(self, _name: str) -> None:
        """Save an invalid desired state."""
        good = self.home.file.read_text()
        self.home.file.write_text("version: 1\nbogus: [")
        time.sleep(1.5)
        self.home.file.write_text(good)

    def change_password(self, name: str) -> None:
        """The password changes on the server, and a moment later in its file."""
        server = self.servers[name]
        password = f"password-{self.dice.randrange(10**9)}"
        RawClient(server).post("app/setPreferences", json=json.dumps({"web_ui_password": password}))
        server.password = password
        server.restart()
        time.sleep(1)
        (self.home.folder / f"{name}.secret").write_text(password)

    def unshown(self, reports: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
        """Return instance, endpoint and infohash of every mutation without an action in a report."""
        shown: set[tuple[str, str, str]] = set()
        for report in reports:
            for instance in report["instances"]:
                shown.update((instance["name"], action["verb"], action["infohash"]) for action in instance["actions"])
        return [
            (name, request.endpoint, key)
            for name, proxy in self.proxies.items()
            for request in proxy.mutations
            for key in HASH.findall(request.body.decode())
            if not any((name, verb, key) in shown for verb in MEANT_BY.get(request.endpoint, ANY_CHANGE))
        ]

    def converged(self) -> bool:
        """Return True if the server shows everything as declared."""
        for server in self.servers.values():
            rows = RawClient(server).list_torrents()
            if set(rows) != {make_infohash(n) for n in range(COUNT)}:
                return False
            if any(not {"x", "end"} <= set(row["tags"].split(", ")) for row in rows.values()):
                return False
        return True


@pytest.mark.timeout(max(180, SECONDS * 2))
def test_soak(home: Home, make_server: MakeServer, make_proxy: MakeProxy, any_build: Build, state_dir: Path) -> None:
    seed = int(os.environ.get("SOAK_SEED", random.randrange(10**6)))
    say(f"\nseed {seed}")
    versions = put_first(any_build, "5.3.0", "4.5.2")
    servers = {name: make_server(version) for name, version in zip(NAMES, versions, strict=True)}
    soak = Soak(home, servers, make_proxy, random.Random(seed))
    with start_watch(home) as watch:
        watch.wait_until(lambda: len(watch.reports) >= 1, within=60)
        warm: tuple[int, int] | None = None
        began = time.monotonic()
        while (passed := time.monotonic() - began) < SECONDS:
            soak.step()
            time.sleep(soak.dice.random())
            assert watch.process.is_running, "".join(watch.err)
            if warm is None and passed > SECONDS / 3:
                warm = watch.count_descriptors(), watch.resident_bytes()
        end_well(soak, watch, warm or (watch.count_descriptors(), watch.resident_bytes()), state_dir)


def journal(state_dir: Path) -> Counter[str]:
    """Return the number of actions in the journal, by outcome, after an integrity check."""
    with closing(sqlite3.connect(state_dir / JOURNAL_FILE_NAME)) as file:
        assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return Counter(dict(file.execute("SELECT outcome, count(*) FROM action GROUP BY outcome")))


def say(text: str) -> None:
    """Print progress for a run with -s."""
    sys.stdout.write(f"{text}\n")


def end_well(soak: Soak, watch: WatchProcess, warm: tuple[int, int], state_dir: Path) -> None:
    """Assert that after all faults the watch converges, has not grown, is idle, and stops in order."""
    for proxy in soak.proxies.values():
        proxy.rules.clear()
    soak.write(range(COUNT))
    text = soak.home.file.read_text()
    soak.home.file.write_text(text.replace('["x"]', '["x", "end"]'))  # a new wish for each: no contest is left
    watch.wait_until(soak.converged, within=90)
    time.sleep(2.5)
    before = {name: len(proxy.mutations) for name, proxy in soak.proxies.items()}
    time.sleep(3)
    assert {name: len(proxy.mutations) for name, proxy in soak.proxies.items()} == before, "at rest"
    descriptors, resident = watch.count_descriptors(), watch.resident_bytes()
    say(
        f"{len(watch.reports)} reports; descriptors {warm[0]} -> {descriptors}; MiB {warm[1] >> 20} -> {resident >> 20}"
    )
    assert descriptors <= warm[0] + 4
    assert resident <= warm[1] * 1.25
    assert soak.unshown([]), "there was something to show"
    assert not soak.unshown(watch.reports), "what is executed is a part of what was shown"
    assert not [line for line in watch.log if "internal error" in line["event"]]
    assert watch.stop() < 20
    assert watch.process.exit_code == 0
    reported = Counter(
        a["outcome"] for report in watch.reports for instance in report["instances"] for a in instance["actions"]
    )
    kept = journal(state_dir)
    say(f"the journal has kept {dict(kept)}")
    assert kept["applied"] == reported["applied"] > 0
    logged_in = {name: proxy.count_requests("auth/login") for name, proxy in soak.proxies.items()}
    say(f"logins {logged_in}; changes of the file {soak.changes}")
