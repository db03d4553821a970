"""The cost of the gateway of a watch, next to the same requests to qBittorrent itself."""

from __future__ import annotations

import json
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.raw import RawConnection
from bench.watch import read_cpu_seconds, read_memory, run_watch, wait_until
from bench.world import make_infohash
from reconciler.demo.servers import QbittorrentServer

REQUESTS = 1000
LISTS = 20
_URL = re.compile(r'"url": ?"http://[^:]+:(\d+)"')


@dataclass(frozen=True, slots=True)
class Gateway:
    """The gateway of a watch."""

    port: int
    username: str = "bench"
    password: str = "a-password"


@dataclass(frozen=True, slots=True)
class GatewayCost:
    """Medians in seconds, bytes, and what the requests cost the process of the watch."""

    first_list: float  # of the first client
    direct_list: float
    gateway_list: float
    list_after_change: float
    unchanged_seconds: float
    unchanged_bytes: int
    cpu_ms: float  # of a request for the changes
    growth_mib: float  # over all these requests


def measure_gateway(server: QbittorrentServer, folder: Path, rounds: int) -> GatewayCost:
    """Measure the gateway before a server whose torrents are declared in `folder`."""
    desired = folder / "desired.yaml"
    settings = "intake: {file: intake.yaml, instance: box}\ngateway: {username: bench, password: a-password}\n"
    desired.write_text(settings + desired.read_text())
    with run_watch(folder, "600s", "--listen", "127.0.0.1:0") as process:
        log = folder / "log"
        wait_until(process, lambda: '"trigger"' in log.read_text())
        match = _URL.search(log.read_text())
        assert match
        wait_until_idle(process)  # it reads the rows for its clients
        gateway = RawConnection(Gateway(int(match[1])))
        first = gateway.time_reply("torrents/info")[0]
        lists = [(_time_direct_list(server), gateway.time_reply("torrents/info")[0]) for _ in range(rounds)]
        changed = [_time_list_after_change(server, gateway, number) for number in range(rounds)]
        return GatewayCost(
            first,
            median(pair[0] for pair in lists),
            median(pair[1] for pair in lists),
            median(changed),
            *_measure_requests(process, gateway),
        )


def wait_until_idle(process: subprocess.Popen[bytes]) -> None:
    """Wait until a process takes no more than a fortieth of a core for two seconds: it waits for no reply either."""
    used = -1.0
    while (now := read_cpu_seconds(process.pid)) - used > 0.05:
        used = now
        time.sleep(2)


def _time_direct_list(server: QbittorrentServer) -> float:
    direct = RawConnection(server)
    try:
        return direct.time_reply("torrents/info")[0]
    finally:
        direct.close()


def _time_list_after_change(server: QbittorrentServer, gateway: RawConnection, number: int) -> float:
    direct = RawConnection(server)
    direct.time_reply("torrents/addTags", hashes=make_infohash(number), tags=f"round-{number}")
    direct.close()
    while True:  # until the list shows the change, for the first time
        seconds, body = gateway.time_reply("torrents/info")
        if f"round-{number}".encode() in body:
            return seconds
        time.sleep(0.1)


def _measure_requests(process: subprocess.Popen[bytes], gateway: RawConnection) -> tuple[float, int, float, float]:
    """Return seconds and bytes of an unchanged reply, CPU milliseconds of it, and the growth of the memory in MiB."""
    for _ in range(LISTS):
        gateway.time_reply("torrents/info")
    rid = _read_changes(gateway, 0, REQUESTS)[-1][1]
    for _ in range(LISTS):
        gateway.time_reply("torrents/info")
    memory, cpu = read_memory(process.pid), read_cpu_seconds(process.pid)
    replies = _read_changes(gateway, rid, REQUESTS)
    cpu_ms = (read_cpu_seconds(process.pid) - cpu) * 1000 / REQUESTS
    for _ in range(LISTS):
        gateway.time_reply("torrents/info")
    growth = read_memory(process.pid) - memory
    return median(reply[0] for reply in replies), max(reply[2] for reply in replies), cpu_ms, growth


def _read_changes(gateway: RawConnection, rid: int, count: int) -> list[tuple[float, int, int]]:
    """Ask for changes as a client does. Return seconds, `rid` and bytes of each reply; 200 a second, as it may."""
    replies = []
    for _ in range(count):
        seconds, body = gateway.time_reply("sync/maindata", rid=str(rid))
        rid = json.loads(body)["rid"]
        replies.append((seconds, rid, len(body)))
        time.sleep(0.005)
    return replies
