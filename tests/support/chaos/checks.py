"""The conditions that must hold after a chaos run: each failure as a sentence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from tests.support.chaos.faults import HALF_OF_THE_ROWS, SENSELESS_VALUE
from tests.support.chaos.proxy import ChaosRequest
from tests.support.chaos.world import FOREIGN, IGNORED_NUMBER, OWNER_TAG, RATES, Box, Entry, World, view_row
from tests.support.magnets import make_infohash

CRASH_WORDS = ("Traceback", "internal error", "failed with an unexpected")


def find_differences(world: World) -> list[str]:
    """Return how the servers differ from what is declared."""
    views = {name: _read_all_views(box) for name, box in world.boxes.items()}
    ours = {
        name: {key: view for key, view in by_key.items() if key not in world.boxes[name].foreign}
        for name, by_key in views.items()
    }
    differences: list[str] = []
    for key, entry in world.entries.items():
        if key == make_infohash(IGNORED_NUMBER):
            continue
        holders = [name for name, by_key in ours.items() if key in by_key]
        if not _is_right_place(world, holders):
            differences.append(f"{key[:10]} is on {holders or 'no server'}")
        for name in holders:
            differences += [f"{name}: {key[:10]} {text}" for text in _compare_entry(entry, ours[name][key])]
    if world.policy == "sync":
        for name, by_key in ours.items():
            differences += [
                f"{name}: {key[:10]} is not declared; its tags: {view['tags']}"
                for key, view in by_key.items()
                if key not in world.entries and key not in world.untagged
            ]
    return differences


def find_harm(box: Box) -> list[str]:
    """Return what happened to the torrents of others on a server, and which requests named them."""
    now = box.read_views(box.foreign)
    harm = [
        f"{box.name}: {box.foreign[key]}: was {before}, is {now.get(key, 'gone')}"
        for key, before in box.views.items()
        if now.get(key) != before
    ]
    requests = find_requests_for_others(box.proxy.log)
    harm += [f"{box.name}: a request named foreign torrents: {request}" for request in requests]
    harm += [
        f"{box.name}: deleted with data: {request}"
        for request in box.proxy.log
        if request.endpoint == "torrents/delete" and b"deletefiles=true" in request.body.lower()
    ]
    return harm


def find_requests_for_others(log: Iterable[ChaosRequest]) -> Iterator[ChaosRequest]:
    """Yield the changes that name a torrent of others.

    The declared one may be added, which leaves it as it is, in a run to which a reply has hidden that it is there.
    """
    kept_off, declared = {make_infohash(number) for number in FOREIGN}, make_infohash(IGNORED_NUMBER)
    misled_runs: set[str] = set()
    for request in log:
        if request.fault in (HALF_OF_THE_ROWS, SENSELESS_VALUE):
            misled_runs.add(request.run)
        named = request.hashes & kept_off
        if request.endpoint == "torrents/add" and request.run in misled_runs:
            named -= {declared}
        if request.is_mutation and (named or b"hashes=all" in request.body):
            yield request


def find_crash(output: str, secrets: set[str]) -> Iterator[str]:
    """Yield what the output of a command must not have in it."""
    for word in CRASH_WORDS:
        if word in output:
            start = output.index(word)
            yield f"crash: {output[max(0, start - 300) : start + 1500]}"
    for secret in secrets:
        if secret in output:
            start = output.index(secret)
            yield f"secret shown: {output[max(0, start - 200) : start + 100]}"


def _read_all_views(box: Box) -> dict[str, dict[str, Any]]:
    client = box.client
    rows, stopped = client.list_torrents(), client.list_stopped()
    return {key: view_row(row, key in stopped) for key, row in rows.items()}


def _is_right_place(world: World, holders: list[str]) -> bool:
    if world.group == "replicate":
        return len(holders) == len(world.boxes)
    return len(holders) == 1 or (bool(holders) and world.policy != "sync")


def _compare_entry(entry: Entry, view: dict[str, Any]) -> Iterator[str]:
    keys, tags = entry.keys, set(view["tags"])
    if OWNER_TAG not in tags:
        yield f"is not ours: {sorted(tags)}"
    wanted: dict[str, object] = {
        key: keys[key] for key in ("category", "save_path", "sequential", "name") if key in keys
    }
    wanted |= {key: RATES[keys[key]] for key in ("download_limit", "upload_limit") if key in keys}
    if "paused" in keys:
        wanted["stopped"] = keys["paused"]
    if "share_limits" in keys:
        wanted["ratio"] = keys["share_limits"]["ratio"]
    for key, value in wanted.items():
        if view[key] != value:
            yield f"{key}: is {view[key]!r}, should be {value!r}"
    if isinstance(keys.get("tags"), dict):
        others = {tag for tag in tags if not tag.startswith("reconcile:")}
        if others != set(keys["tags"]["only"]):
            yield f"tags: are {sorted(others)}, should be {keys['tags']['only']}"
    elif not set(keys.get("tags", ())) <= tags:
        yield f"tags: are {sorted(tags)}, should have {keys['tags']}"
