"""The tutorial, the guides and the examples of the reference, carried out on real servers as they are printed."""

from __future__ import annotations

import json
import shlex
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import pytest

from reconciler.demo.servers import ReservedPort
from tests.conftest import MakeServer
from tests.support.docs_commands import find_outside_reason
from tests.support.docs_pages import ROOT, Block, CommandLine, read_command_lines
from tests.support.docs_sessions import SESSIONS, DocsSession, read_steps
from tests.support.raw import RawClient
from tests.support.repositories import Repository
from tests.support.torrents import make_torrent

FIRST: Final = "http://127.0.0.1:8080"
SECOND: Final = "http://127.0.0.1:8081"
SEEDBOX: Final = "https://seedbox.example/qbt/"
LISTEN: Final = "127.0.0.1:9470"
ADDRESSES: Final[Mapping[str, tuple[str, ...]]] = {
    "docs/desired-state.md": (),
    "docs/diff.md": (),
    "docs/groups.md": (SEEDBOX, FIRST),
    "docs/how-to/kubernetes.md": (),
    "docs/how-to/several-instances.md": (FIRST, SECOND),
}
"""The servers of a page; one server for every other page."""
FILMS: Final = (
    "magnet:?xt=urn:btih:08ada5a7a6183aae1e09d831df6748d566095a10&dn=Sintel",
    "magnet:?xt=urn:btih:dd8255ecdc7ca55fb0bbf81323d87062db1f6d1c&dn=Big%20Buck%20Bunny",
)
TEARS: Final = "magnet:?xt=urn:btih:209c8226b299b308beaf2b9cd3fb49212dbd13ec&dn=Tears%20of%20Steel"
COSMOS: Final = "magnet:?xt=urn:btih:c9e15763f722f23e98a29decdfae341b98d53056&dn=Cosmos%20Laundromat"
ONE_INSTANCE: Final = """\
version: 1
policy: upsert
instances:
  home:
    url: http://127.0.0.1:8080
    username: admin
    password: {env: HOME_PASSWORD}
"""


@pytest.mark.parametrize("page", sorted(SESSIONS))
def test_the_page_works_as_printed(page: str, tmp_path: Path, make_server: MakeServer) -> None:
    # To check the password of each login costs as much as the rest of a command
    servers = {address: make_server("5.1.0", trusted_client="127.0.0.1") for address in ADDRESSES.get(page, (FIRST,))}
    variables = ("HOME_PASSWORD", "ATTIC_PASSWORD", "CELLAR_PASSWORD", "SEEDBOX_PASSWORD")
    environ = {variable: server.password for variable in variables for server in servers.values()}
    port = ReservedPort("127.0.0.1")
    folder = tmp_path / "reader"
    folder.mkdir()
    with DocsSession(folder, servers, environ) as session:
        session.replace_address(LISTEN, f"127.0.0.1:{port.number}")
        if prepare := PREPARATIONS.get(page):
            prepare(session)
        for block in read_steps(page):
            carry_out(block, session)
        session.check_exit_code("the end of the page")
        assert all(command.is_running for command in session.started)
    port.release()


def carry_out(block: Block, session: DocsSession) -> None:
    """Write the file, run the commands, or take the hidden step of a block."""
    if block.language == "test":
        name, *arguments = shlex.split(block.text)
        STEPS[name](session, *arguments)
    elif block.title:
        session.write(block.title, block.text)
    else:
        for command in read_command_lines(block):
            if not find_outside_reason(command.text):
                session.run(command)


# What a page takes for granted


def add_films(session: DocsSession, **options: str) -> None:
    """Add two films to the server, as another program or a person would."""
    RawClient(session.servers[FIRST]).add_magnets(FILMS, **options)


def add_films_of_flexget(session: DocsSession) -> None:
    """Add two films in a category."""
    RawClient(session.servers[FIRST]).post("torrents/createCategory", category="tv")
    add_films(session, category="tv")


def write_instance_files(session: DocsSession) -> None:
    """Write a desired state with an instance in every place that a page names, a token, and folders of a shell."""
    for folder in (".local/share/bash-completion/completions", ".zfunc", ".config/fish/completions"):
        (session.folder / folder).mkdir(parents=True)
    for name in ("desired.yaml", "desired/desired.yaml", "pull-request/desired/desired.yaml"):
        (session.folder / name).parent.mkdir(parents=True, exist_ok=True)
        session.write(name, ONE_INSTANCE)
    session.write("token", "a-token-of-a-good-length")
    session.write("secrets-for.yaml", "env: {HOME_PASSWORD: 127.0.0.1}\n")


def write_instance_files_and_add_films(session: DocsSession) -> None:
    """Write a desired state with a token, and add two films."""
    write_instance_files(session)
    add_films(session)


def commit_desired_state(session: DocsSession) -> None:
    """Commit a desired state to the branch `main`, and change it."""
    head = f"owner: home\n{ONE_INSTANCE}".replace("upsert", "sync")
    sintel = f"  - magnet: {FILMS[0]}\n    category: films\n    tags: [free]\n    paused: false\n"
    bunny = f"  - magnet: {FILMS[1]}\n    save_path: /data\n"
    tears = f"  - magnet: {TEARS}\n    save_path: "
    others = "".join(f"  - magnet: magnet:?xt=urn:btih:{number:040x}\n" for number in range(1, 12))
    old = f"{head}guard: {{max_delete: 10}}\n\ntorrents:\n{bunny}    category: films\n{tears}/data\n"
    Repository.create(session.folder).commit({"desired.yaml": f"{old}{others}\n\n\n  - magnet: {COSMOS}\n"})
    new = f"{head}guard: {{max_delete: 50}}\n\ntorrents:\n{sintel}{bunny}\n\n{tears}/data/films\n{others}"
    session.write("desired.yaml", new)


def run_once(session: DocsSession) -> None:
    """Add a film, and correct another one that is ours already."""
    RawClient(session.servers[FIRST]).add_magnets(FILMS[1:], tags="reconcile:home")
    torrents = f"torrents:\n  - magnet: {FILMS[0]}\n    paused: true\n  - magnet: {FILMS[1]}\n    category: films\n"
    session.write("desired.yaml", f"owner: home\n{ONE_INSTANCE}categories: {{films: {{}}}}\n{torrents}")
    run(session, "reconcile")


def lose_seedbox(session: DocsSession) -> None:
    """Put a film on an instance, stop that, and declare another film for the same group."""
    seedbox = f"  seedbox: {{url: '{SEEDBOX}', username: admin, password: {{env: SEEDBOX_PASSWORD}}}}\n"
    groups = "groups:\n  resilient: {strategy: failover, members: [seedbox, home]}\n"
    entry = "  - magnet: {}\n    instance: resilient\n    paused: true\n"
    text = f"{ONE_INSTANCE}{seedbox}{groups}torrents:\n{entry.format(FILMS[0])}"
    session.write("desired.yaml", text)
    run(session, "reconcile")
    stop_server(session, SEEDBOX)
    session.write("desired.yaml", text + entry.format(TEARS))


def write_film(session: DocsSession) -> None:
    """Write a desired state with one film."""
    session.write("desired.yaml", f"{ONE_INSTANCE}torrents:\n  - magnet: {FILMS[0]}\n    paused: true\n")


def write_film_and_addresses(session: DocsSession) -> None:
    """Write a desired state with one film, and a file with an address for notifications."""
    write_film(session)
    inbox = session.open_inbox("https://hooks.example/reconcile")
    session.write("notify", f"{inbox.url}&from=file\n")
    session.replace_address("/run/secrets/notify", "notify")


def copy_overlay(session: DocsSession) -> None:
    """Copy the files of the overlay, as the first step does."""
    shutil.copytree(ROOT / "deploy/kubernetes/overlays/sidecar", session.folder, dirs_exist_ok=True)


def run(session: DocsSession, text: str) -> None:
    """Run a command that must succeed."""
    session.run(CommandLine(Block("the preparation", 0, "sh", "", ""), text))
    session.check_exit_code("the page")


PREPARATIONS: Final[Mapping[str, Callable[[DocsSession], None]]] = {
    "README.md": add_films,
    "docs/import.md": add_films,
    "docs/how-to/from-qbit-manage.md": add_films,
    "docs/how-to/from-flexget.md": add_films_of_flexget,
    "docs/cli.md": write_instance_files,
    "docs/http.md": write_instance_files,
    "docs/rest.md": write_instance_files_and_add_films,
    "docs/diff.md": commit_desired_state,
    "docs/groups.md": lose_seedbox,
    "docs/how-to/kubernetes.md": copy_overlay,
    "docs/journal.md": run_once,
    "docs/notifications.md": write_film_and_addresses,
    "docs/watch.md": write_film,
}


# What a reader does by hand


def set_category(session: DocsSession, infohash: str, category: str) -> None:
    """Give a torrent a category in the Web UI."""
    client = RawClient(session.servers[FIRST])
    if category not in client.list_categories():
        client.post("torrents/createCategory", category=category)
    client.post("torrents/setCategory", hashes=infohash, category=category)
    wait_category(session, infohash, category)


def wait_category(session: DocsSession, infohash: str, category: str) -> None:
    """Look at the Web UI until a torrent has a category."""
    client = RawClient(session.servers[FIRST])
    client.wait_until(lambda: client.list_torrents()[infohash]["category"] == category)


def replace(session: DocsSession, old: str, new: str) -> None:
    """Edit the desired state."""
    file = session.folder / "desired.yaml"
    text = file.read_text()
    assert text.count(old) == 1
    file.write_text(text.replace(old, new.replace("\\n", "\n")))


def write_password(session: DocsSession, name: str) -> None:
    """Write the password to a file."""
    session.write(name, session.servers[FIRST].password)


def write_torrent_file(session: DocsSession, name: str) -> None:
    """Write a .torrent file, as a reader has one."""
    (session.folder / name).write_bytes(make_torrent(7))


def stop_server(session: DocsSession, address: str) -> None:
    """Stop a qBittorrent."""
    session.servers[address].kill()


def wait_ready(session: DocsSession, address: str) -> None:
    """Wait until a watch has read every instance."""
    _wait_until(lambda: session.ask(f"{address}/healthz/ready") == 200)


def wait_log(session: DocsSession, text: str) -> None:
    """Look at the log of a watch until it says something."""
    _wait_until(lambda: text in session.started[-1].err)


def wait_notifications(session: DocsSession, *events: str) -> None:
    """Wait until both addresses have got a notification of these events."""
    assert session.inbox
    inbox = session.inbox
    _wait_until(lambda: len({post.path for post in inbox.posts}) == 2)
    assert all(found == list(events) for found in inbox.events)


def _wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def unpack_qui_backup(session: DocsSession, folder: str) -> None:
    """Unpack an archive of qui with two torrents, one of them in a category."""
    items = []
    for number, category in ((1, "films"), (2, "")):
        path = f"{category}/torrent-{number}.torrent".lstrip("/")
        file = session.folder / folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(make_torrent(number))
        item = {"hash": "0" * 40, "name": f"torrent-{number}", "sizeBytes": 20_000, "archivePath": path}
        items.append(item | ({"category": category, "tags": ["a", "b"]} if category else {}))
    manifest = {
        "instanceId": 1,
        "kind": "manual",
        "generatedAt": "2026-11-29T10:00:00Z",
        "torrentCount": 2,
        "categories": {"films": {"savePath": "/data/films"}, "misc": {}},
        "tags": ["a", "b"],
        "items": items,
    }
    (session.folder / folder / "manifest.json").write_text(json.dumps(manifest))


STEPS: Final[Mapping[str, Callable[..., None]]] = {
    function.__name__: function
    for function in (
        *(set_category, wait_category, replace, write_password, stop_server, wait_ready, unpack_qui_backup),
        *(wait_log, wait_notifications, write_torrent_file),
    )
}
