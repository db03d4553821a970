"""The meaning of a valid desired state: defaults, merging, positions, and unmanaged keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reconciler.desired import DesiredStateError, load
from reconciler.model.desired import DesiredState, DesiredTags, DesiredTorrent, GuardLimits, Policy
from reconciler.model.position import Position
from tests.support.desired_yaml import HEAD, SINTEL, TWO_INSTANCES_HEAD, load_text, write_file

EXAMPLE = Path(__file__).parents[2] / "examples" / "desired.yaml"


def torrent(folder: Path, entry: str, head: str = HEAD) -> DesiredTorrent:
    """Load the only torrent, with its magnet and the keys in `entry`."""
    lines = "".join(f"    {line}\n" for line in entry.splitlines())
    return load_text(folder, f"{head}torrents:\n  - magnet: {SINTEL}\n{lines}").torrents[0]


def test_the_least_that_is_valid(tmp_path: Path) -> None:
    desired = load_text(tmp_path, HEAD)
    assert desired.policy is Policy.SYNC
    assert desired.owner == "default"
    assert desired.guard == GuardLimits(10, 20.0, None)
    assert (desired.delete_files, desired.suspend, desired.accept_plan) == (False, False, None)
    assert (desired.torrents, desired.categories) == ((), {})
    assert [warning.message[:42] for warning in desired.warnings] == ['"policy: sync" with the owner "default": a']
    home = desired.instances["home"]
    assert (home.url, home.username, home.password, home.api_key) == (
        "http://127.0.0.1:8080",
        None,
        None,
        None,
    )
    assert (home.tls_verify, home.ca_file, home.pool_size, home.suspend) == (True, None, 2, False)
    assert (home.connect_timeout, home.read_timeout) == (5.0, 60.0)


def test_every_top_level_key(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("x")
    (tmp_path / "key").write_text("k3y\n")
    desired = load_text(
        tmp_path,
        f"""
        version: 1
        owner: home.lab_1-a
        policy: create-only
        delete_files: true
        guard: {{max_delete: 0, max_delete_percent: 12.5, max_delete_files: 3, max_update_percent: 50}}
        suspend: true
        accept_plan: sha256:{"0a" * 32}
        instances:
          seedbox:
            url: https://seedbox.example/qbt/
            api_key: {{file: key}}
            tls: {{verify: false, ca_file: ca.pem}}
            timeout: {{connect: 1m30s, read: 2h}}
            pool_size: 16
            suspend: true
            categories: {{tv: {{save_path: 'D:\\tv'}}}}
        categories:
          linux: {{save_path: /data/linux}}
          linux/iso: {{}}
          other:
        """,
    )
    assert desired.policy is Policy.CREATE_ONLY
    assert (desired.owner, desired.delete_files, desired.suspend) == ("home.lab_1-a", True, True)
    assert desired.guard == GuardLimits(0, 12.5, 3, max_update_percent=50.0)
    assert desired.accept_plan == "sha256:" + "0a" * 32
    seedbox = desired.instances["seedbox"]
    assert seedbox.api_key is not None and seedbox.api_key.reveal() == "k3y"
    assert (seedbox.tls_verify, seedbox.ca_file) == (False, str(tmp_path / "ca.pem"))
    assert (seedbox.connect_timeout, seedbox.read_timeout) == (90.0, 7200.0)
    assert (seedbox.pool_size, seedbox.suspend) == (16, True)
    assert seedbox.categories["tv"].save_path == "D:\\tv"
    assert {name: category.save_path for name, category in desired.categories.items()} == {
        "linux": "/data/linux",
        "linux/iso": None,
        "other": None,
    }
    assert set(desired.categories_of("seedbox")) == {"linux", "linux/iso", "other", "tv"}


@pytest.mark.parametrize(
    ("entry", "field", "value"),
    [
        ("", "name", None),
        ("", "category", None),
        ("", "tags", None),
        ("", "save_path", None),
        ("", "paused", None),
        ("", "protect", None),
        ("", "absent", False),
        ("", "instance", "home"),
        ("name: Sintel", "name", "Sintel"),
        ("category: films/short", "category", "films/short"),
        ('category: ""', "category", ""),
        ("tags: [a, b, a]", "tags", DesiredTags(frozenset("ab"))),
        ("tags: []", "tags", DesiredTags(frozenset())),
        ("tags: {only: [a]}", "tags", DesiredTags(frozenset("a"), only=True)),
        ("tags: {only: []}", "tags", DesiredTags(frozenset(), only=True)),
        ("tags:\n- a b\n- ä", "tags", DesiredTags(frozenset({"a b", "ä"}))),
        ("trackers: ['udp://u.example:1']", "trackers", ("udp://u.example:1",)),
        ("trackers: ['udp://u.example:1']", "only_trackers", False),
        ("trackers: {only: ['udp://u.example:1']}", "trackers", ("udp://u.example:1",)),
        ("trackers: {only: ['udp://u.example:1']}", "only_trackers", True),
        ("trackers: {only: []}", "only_trackers", True),
        ("save_path: /data/a b/", "save_path", "/data/a b/"),
        ("save_path: /", "save_path", "/"),
        (r"save_path: C:\data", "save_path", r"C:\data"),
        ("save_path: d:/data", "save_path", "d:/data"),
        (r"save_path: \\nas\media\linux", "save_path", r"\\nas\media\linux"),
        ("paused: true", "paused", True),
        ("paused: FALSE", "paused", False),
        ("protect: true", "protect", True),
        ("protect: false", "protect", False),
        ("state: present", "absent", False),
        ("state: absent", "absent", True),
        ("name: null\ncategory: ~\ntags:\nsave_path: null\npaused: null\nprotect: null", "paused", None),
        # YAML 1.2: these are text
        ("name: yes", "name", "yes"),
        ("name: on", "name", "on"),
        ("name: 2024-01-01", "name", "2024-01-01"),
        ("name: 1_000", "name", "1_000"),
        ("name: 12:30:45", "name", "12:30:45"),
        ("name: 0o8", "name", "0o8"),
        ('name: "123"', "name", "123"),
        ("name: '~'", "name", "~"),
        ("name: !!str 123", "name", "123"),
        ("name: >-\n  two\n  lines", "name", "two lines"),
    ],
)
def test_keys_of_a_torrent(tmp_path: Path, entry: str, field: str, value: Any) -> None:
    assert getattr(torrent(tmp_path, entry), field) == value


def test_numbers_follow_yaml_1_2(tmp_path: Path) -> None:
    desired = load_text(tmp_path, HEAD + "guard: {max_delete: 0o14, max_delete_files: 0x1F, max_delete_percent: 1e1}\n")
    assert desired.guard == GuardLimits(12, 10.0, 31)
    assert load_text(tmp_path, HEAD + "guard: {max_delete: 012, max_delete_files: null}\n").guard == GuardLimits(12)


DEFAULTS = "defaults: {category: films, tags: [a], save_path: /data, paused: true, protect: true}\n"


def test_defaults_hold_where_an_entry_says_nothing(tmp_path: Path) -> None:
    entry = torrent(tmp_path, "", HEAD + DEFAULTS)
    assert (entry.category, entry.save_path, entry.paused, entry.protect) == ("films", "/data", True, True)
    assert entry.tags == DesiredTags(frozenset("a"))


def test_an_entry_wins_over_defaults_and_null_undoes_them(tmp_path: Path) -> None:
    entry = torrent(tmp_path, "category: tv\ntags: [b]\npaused: false\nsave_path: null", HEAD + DEFAULTS)
    assert (entry.category, entry.save_path, entry.paused) == ("tv", None, False)
    assert entry.tags == DesiredTags(frozenset("b")), "replaced, not merged"


def test_an_absent_torrent_takes_nothing_from_defaults_but_its_instance(tmp_path: Path) -> None:
    entry = torrent(
        tmp_path,
        "state: absent\nname: x\npaused: null",
        TWO_INSTANCES_HEAD + "defaults: {instance: seedbox, paused: true}\n",
    )
    assert (entry.instance, entry.absent, entry.name) == ("seedbox", True, "x")
    assert (entry.category, entry.tags, entry.save_path, entry.paused, entry.protect) == (None,) * 5


def test_instance_by_entry_by_default_and_by_being_the_only_one(tmp_path: Path) -> None:
    assert torrent(tmp_path, "instance: seedbox", TWO_INSTANCES_HEAD).instance == "seedbox"
    assert torrent(tmp_path, "", TWO_INSTANCES_HEAD + "defaults: {instance: seedbox}\n").instance == "seedbox"
    assert (
        torrent(tmp_path, "instance: home", TWO_INSTANCES_HEAD + "defaults: {instance: seedbox}\n").instance == "home"
    )
    assert torrent(tmp_path, "instance: null").instance == "home"


def test_the_same_torrent_on_two_instances_is_fine(tmp_path: Path) -> None:
    entries = "".join(f"  - {{magnet: '{SINTEL}', instance: {name}}}\n" for name in ("home", "seedbox"))
    text = f"{TWO_INSTANCES_HEAD}torrents:\n{entries}"
    assert [entry.instance for entry in load_text(tmp_path, text).torrents] == ["home", "seedbox"]


def test_positions_count_from_one_and_name_the_file_as_it_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_file(
        tmp_path,
        f"{TWO_INSTANCES_HEAD}categories:\n  linux: {{}}\n"
        f"torrents:\n  - name: é\n    instance: home\n    magnet: {SINTEL}",
    )
    monkeypatch.chdir(tmp_path)
    desired = load([Path("desired.yaml")], {})
    assert desired.torrents[0].position == Position("desired.yaml", 9, 5)
    assert desired.instances["seedbox"].position == Position("desired.yaml", 5, 3)
    assert desired.categories["linux"].position == Position("desired.yaml", 7, 3)


def test_the_example_loads_without_a_warning() -> None:
    desired = load([EXAMPLE], {"HOME_PASSWORD": "x", "SEEDBOX_PASSWORD": "y"})
    assert desired.warnings == ()
    assert list(desired.instances) == ["home", "seedbox"]
    assert len(desired.torrents) >= 5


def test_a_state_is_identified_by_its_paths_and_not_by_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load_text(tmp_path, HEAD)
    changed = load_text(tmp_path, f"{HEAD}torrents: [{{magnet: '{SINTEL}'}}]\n")
    (tmp_path / "other").mkdir()
    elsewhere = load_text(tmp_path / "other", HEAD)
    monkeypatch.chdir(tmp_path)
    assert first.state_id == changed.state_id == load([Path("desired.yaml")], {}).state_id
    assert len(first.state_id) == 8
    assert elsewhere.state_id != first.state_id


def test_reading_begins_once_everything_but_the_torrents_is_valid(tmp_path: Path) -> None:
    handed: list[DesiredState] = []
    entry = f"  - magnet: {SINTEL}\n"
    path = write_file(tmp_path, f"{HEAD}groups: {{}}\ntorrents:\n{entry}")
    desired = load([path], {}, begin_reading=handed.append)
    assert [(list(head.instances), head.torrents) for head in handed] == [(["home"], ())]
    assert len(desired.torrents) == 1 and desired.instances == handed[0].instances


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        (f"{HEAD}torrents:\n  - magnet: {SINTEL}\n  - magnet: {SINTEL}\n", True),
        (f"{HEAD}torrents:\n  - magnet: {SINTEL}\n    pauset: true\n", False),
        (f"{HEAD}torrents:\n  - magnet: nothing\n", False),
        (f"{HEAD}lorem: 1\n", False),
        (f"{HEAD}torrents: [\n", False),
    ],
)
def test_reading_begins_only_if_nothing_is_wrong_so_far(tmp_path: Path, text: str, begins: bool) -> None:
    handed: list[DesiredState] = []
    with pytest.raises(DesiredStateError):
        load([write_file(tmp_path, text)], {}, begin_reading=handed.append)
    assert bool(handed) is begins
