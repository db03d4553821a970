"""Desired states of any size, with invented magnets."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from reconciler.demo.servers import QbittorrentServer


def make_infohash(number: int) -> str:
    """Return an invented infohash."""
    return hashlib.sha1(f"bench {number}".encode()).hexdigest()


def make_magnets(count: int) -> list[str]:
    """Return invented magnets."""
    return [f"magnet:?xt=urn:btih:{make_infohash(n)}&dn=torrent-{n}" for n in range(count)]


def render_instance(server: QbittorrentServer) -> str:
    """Return the beginning of a desired state: the server, with its password in the file `password`."""
    return (
        "version: 1\npolicy: sync\nowner: bench\n"
        f"instances:\n  box:\n    url: {server.url}\n    username: {server.username}\n"
        "    password: {file: password}\n"
    )


def write_fleet(folder: Path, servers: Sequence[QbittorrentServer], count: int) -> None:
    """Write a desired state of many instances, each with `count` torrents of its own."""
    instances, entries = [], []
    for number, server in enumerate(servers):
        (folder / f"password-{number}").write_text(server.password)
        login = f"username: {server.username}, password: {{file: password-{number}}}"
        instances.append(f'  box-{number}: {{url: "{server.url}", {login}}}\n')
        entries += [
            f"  - magnet: {magnet}\n    instance: box-{number}\n    tags: [iso]\n    paused: true\n"
            for magnet in make_magnets(count)
        ]
    text = ["version: 1\npolicy: sync\nowner: bench\ninstances:\n", *instances, "torrents:\n", *entries]
    (folder / "desired.yaml").write_text("".join(text))


def write_desired(
    folder: Path, server: QbittorrentServer, count: int, first_tag: str = "iso", first_count: int = 1
) -> None:
    """Write a desired state of `count` torrents with five keys each. The first `first_count` have another tag."""
    lines = [
        render_instance(server),
        "categories:\n  linux: {save_path: /tmp/bench/linux}\ntorrents:\n",
    ]
    for number, magnet in enumerate(make_magnets(count)):
        tag = first_tag if number < first_count else "iso"
        lines.append(
            f"  - magnet: {magnet}\n    category: linux\n    save_path: /tmp/bench/linux\n"
            f"    paused: true\n    tags: [{tag}]\n"
        )
    (folder / "desired.yaml").write_text("".join(lines))
    (folder / "password").write_text(server.password)


@contextmanager
def start_world(version: str, count: int) -> Iterator[tuple[QbittorrentServer, Path]]:
    """Context with a fresh server and a folder with its desired state."""
    with QbittorrentServer(version) as server, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_desired(folder, server, count)
        yield server, folder
