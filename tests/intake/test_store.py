"""The intake: what is answered is on disk, as a load reads it, and what is refused has changed nothing."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.intake import IntakeStore
from reconciler.intake.folder import IntakeFolder
from reconciler.model.codes import Code
from reconciler.model.desired import DesiredTorrent
from reconciler.model.intake import (
    DeclaredElsewhere,
    EntryValue,
    HandedIn,
    IntakeError,
    IntakeFull,
    IntakeUnavailable,
    make_url_id,
)
from reconciler.model.magnet import parse_magnet
from reconciler.model.metainfo import parse_metainfo
from reconciler.model.torrent_file import TorrentFile
from tests.support.desired_yaml import BUNNY, SINTEL
from tests.support.intake_files import IntakeHome
from tests.support.torrents import make_torrent

SINTEL_HASH = str(parse_magnet(SINTEL).infohashes)
BUNNY_HASH = str(parse_magnet(BUNNY).infohashes)
ROOT = Path(__file__).parents[2]
URL = "http://127.0.0.1:9/x.torrent?passkey=secret"


@pytest.fixture
def home(tmp_path: Path) -> IntakeHome:
    """A desired state with an intake that does not exist yet."""
    return IntakeHome(tmp_path)


def magnet(number: int) -> str:
    return f"magnet:?xt=urn:btih:{number:040x}"


def check_same(home: IntakeHome, store: IntakeStore) -> None:
    """The store knows what a load and another process read."""
    loaded = {entry.infohash: entry for entry in home.reload().torrents if entry.is_handed_in}
    assert {entry.infohash: entry for entry in store.entries.values()} == loaded
    other = home.open_store()
    assert dict(other.entries) == dict(store.entries) and dict(other.categories) == dict(store.categories)


def test_a_new_file_is_empty_private_and_valid(home: IntakeHome) -> None:
    store = home.open_store()
    assert stat.S_IMODE(home.file.stat().st_mode) == 0o600
    assert "reconcile --watch writes this file" in home.text
    assert not store.entries and not store.categories
    assert home.reload().torrents == () and not home.desired.warnings


def test_what_is_handed_in_is_on_disk(home: IntakeHome) -> None:
    store = home.open_store()
    keys: dict[str, EntryValue] = {
        "category": "films",
        "save_path": "/data",
        "tags": ["a"],
        "paused": True,
        "labels": {"movie_id": 12},
    }
    (result,) = store.hand_in([HandedIn(SINTEL, keys=keys)])
    assert result.infohash == SINTEL_HASH and result.problem is None and not result.is_known
    (entry,) = home.reload().torrents
    assert entry == store.entries[SINTEL_HASH] and entry.position == result.position
    assert (entry.category, entry.save_path, entry.paused, entry.labels) == ("films", "/data", True, {"movie_id": "12"})
    assert (entry.instance, entry.is_handed_in) == ("home", True)
    assert home.change_count == 1
    check_same(home, store)


def test_a_torrent_twice_is_known_and_not_written(home: IntakeHome) -> None:
    store = home.open_store()
    first, again = store.hand_in(
        [HandedIn(SINTEL), HandedIn(SINTEL.upper().replace("MAGNET:?XT=URN:BTIH", "magnet:?xt=urn:btih"))]
    )
    assert not first.is_known and again.is_known and again.infohash == SINTEL_HASH
    before = home.text
    (known,) = store.hand_in([HandedIn(SINTEL, keys={"category": "other"})])
    assert known.is_known and known.position == first.position and home.text == before
    assert home.change_count == 1


def test_what_people_declare_is_known_and_only_they_change_it(tmp_path: Path) -> None:
    own = f"categories: {{mine: {{save_path: /mine}}}}\ntorrents: [{{magnet: '{SINTEL}', instance: box}}]\n"
    home = IntakeHome(tmp_path, own)
    store = home.open_store()
    (result,) = store.hand_in([HandedIn(SINTEL)])
    assert result.is_known and result.position == home.desired.torrents[0].position
    refused: list[Callable[[], object]] = [
        lambda: store.change([SINTEL_HASH], {"category": "x"}),
        lambda: store.remove([SINTEL_HASH], delete_files=True),
        lambda: store.set_category("mine", "/theirs"),
        lambda: store.remove_categories(["mine"]),
    ]
    for call in refused:
        with pytest.raises(DeclaredElsewhere) as error:
            call()
        assert f"{tmp_path}/desired.yaml:" in str(error.value)
    assert not store.entries and home.change_count == 0


def test_what_people_declare_absent_cannot_be_handed_in(tmp_path: Path) -> None:
    home = IntakeHome(tmp_path, f"torrents: [{{magnet: '{SINTEL}', instance: box, state: absent}}]\n")
    (result,) = home.open_store().hand_in([HandedIn(SINTEL)])
    assert result.problem and "declared absent at" in result.problem.message


BAD = [
    (HandedIn(), Code.SOURCE_COUNT),
    (HandedIn(SINTEL, b"x"), Code.SOURCE_COUNT),
    (HandedIn("magnet:?xt=urn:btih:0123456789abcdef0123456789abcdef"), Code.MAGNET),
    (HandedIn("/etc/passwd"), Code.MAGNET),
    (HandedIn("file:///etc/passwd"), Code.MAGNET),
    (HandedIn("http://user:secret@host/x.torrent"), Code.TORRENT_LOCATION),
    (HandedIn("http://a b/x.torrent"), Code.TORRENT_LOCATION),
    (HandedIn(content=b"<html>"), Code.TORRENT_FILE),
    (HandedIn(SINTEL, keys={"content": "/etc"}), Code.MISPLACED_KEY),
    (HandedIn(SINTEL, keys={"export": "../../x.torrent"}), Code.MISPLACED_KEY),
    (HandedIn(SINTEL, keys={"state": "absent"}), Code.MISPLACED_KEY),
    (HandedIn(SINTEL, keys={"torrent": "/etc/passwd"}), Code.MISPLACED_KEY),
    (HandedIn(SINTEL, keys={"tags": ["reconcile:other"]}), Code.TAG),
    (HandedIn(SINTEL, keys={"save_path": "relative"}), Code.PATH),
    (HandedIn(SINTEL, keys={"instance": "nowhere"}), Code.UNKNOWN_INSTANCE),
    (HandedIn(SINTEL, keys={"unknown": "x"}), Code.UNKNOWN_KEY),
    (HandedIn(SINTEL, keys={"a: b\n  - magnet": "x"}), Code.UNKNOWN_KEY),
    (HandedIn(SINTEL, keys={f"name: a\n  - infohash: {'b' * 40}\n    name": "x"}), Code.UNKNOWN_KEY),
    (HandedIn(SINTEL, keys={"name: a\n    category": "x"}), Code.UNKNOWN_KEY),
    (HandedIn(SINTEL, keys={"\ud800": "x"}), Code.UNKNOWN_KEY),
    (HandedIn(SINTEL, keys={"name": "\ud800"}), None),
    (HandedIn(f"{SINTEL}&dn=\ud800"), None),
    (HandedIn("http://h/\ud800"), None),
    (HandedIn(SINTEL, keys={"paused": "yes"}), Code.NOT_A_FLAG),
    (HandedIn(SINTEL, keys={"auto_tmm": True, "save_path": "/x"}), Code.CONTRADICTION),
    (HandedIn(SINTEL, keys={"labels": {"a b": "x"}}), Code.LABEL),
    (HandedIn(SINTEL, keys={"share_limits": {"ratio": float("nan")}}), None),
]


@pytest.mark.parametrize(("torrent", "code"), BAD)
def test_what_a_load_would_refuse_is_refused(torrent: HandedIn, code: str | None, home: IntakeHome) -> None:
    store = home.open_store()
    before = home.text
    bad, good = store.hand_in([torrent, HandedIn(BUNNY)])
    assert bad.problem is not None and (code is None or bad.problem.code == code), bad.problem
    assert "secret" not in str(bad.problem) and good.problem is None, "the others are added"
    assert list(store.entries) == [BUNNY_HASH]
    store.drop([BUNNY_HASH])
    assert home.text == before and sorted(path.name for path in home.file.parent.iterdir()) == [
        ".intake.yaml.lock",
        "intake.yaml",
    ]


def test_an_upload_lies_beside_the_file_and_goes_with_its_entry(home: IntakeHome) -> None:
    store = home.open_store()
    data = make_torrent(1)
    infohash = str(parse_metainfo(data).infohashes)
    (result,) = store.hand_in([HandedIn(content=data)])
    path = home.file.with_name(f"{infohash}.torrent")
    assert result.infohash == infohash and path.read_bytes() == data
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    check_same(home, store)
    store.remove([infohash], delete_files=True)
    assert path.exists(), "until the torrent is gone"
    check_same(home, store)
    store.drop([infohash])
    assert not path.exists() and not store.entries
    check_same(home, store)


def test_a_url_is_known_by_its_text_until_a_run_has_fetched_it(home: IntakeHome) -> None:
    store = home.open_store()
    first, again = store.hand_in([HandedIn(URL, keys={"category": "a"}), HandedIn(URL)])
    assert (first.infohash, first.is_known, again.is_known) == ("", False, True)
    assert not store.entries and "passkey=secret" in home.text
    assert store.find_infohash(URL) == ""
    home.fetched = {URL: parse_magnet(SINTEL)}
    assert [result.infohash for result in store.hand_in([HandedIn(URL)])] == [SINTEL_HASH]
    assert store.find_infohash(URL) == SINTEL_HASH
    assert store.entries[SINTEL_HASH].category == "a"
    (known,) = store.hand_in([HandedIn(SINTEL)])
    assert known.is_known
    store.change([SINTEL_HASH], {"category": "b"})
    assert store.entries[SINTEL_HASH].category == "b" and f"torrent: {URL}" in home.text


def test_a_url_can_be_changed_and_taken_back_before_it_is_fetched(home: IntakeHome) -> None:
    store = home.open_store()
    store.hand_in([HandedIn(URL, keys={"category": "a"})])
    url_id = make_url_id(URL)
    assert list(store.unfetched) == [url_id]
    store.change([url_id], {"category": "b"})
    assert store.unfetched[url_id].category == "b"
    store.change([URL], {"category": "c"})
    assert store.unfetched[url_id].category == "c", "its text means it too, in its own case"
    store.remove([url_id], delete_files=True)
    assert store.unfetched[url_id].absent and f"torrent: {URL}" in home.text
    (entry,) = home.reload().torrents
    assert entry.absent and entry.unknown_source
    home.fetched = {URL: parse_magnet(SINTEL)}
    assert store.entries[SINTEL_HASH].absent and not store.unfetched


def test_changes_touch_their_keys_only(home: IntakeHome) -> None:
    store = home.open_store()
    store.hand_in([HandedIn(SINTEL, keys={"category": "a"}), HandedIn(BUNNY, keys={"tags": ["x"]})])
    home.file.write_text(home.text.replace("category: a", "category: a  # mine"))
    store.change([SINTEL_HASH, "f" * 40], {"category": "b", "paused": True})
    assert "category: b  # mine" in home.text, "and what another process wrote is kept"
    seen: list[DesiredTorrent] = []

    def add_tag(entry: DesiredTorrent) -> dict[str, list[str]]:
        seen.append(entry)
        return {"tags": [*(entry.tags.names if entry.tags else ()), "new"]}

    store.change([SINTEL_HASH.upper(), BUNNY_HASH], add_tag)
    assert [entry.category for entry in seen] == ["b", None]
    assert {name for entry in store.entries.values() if entry.tags for name in entry.tags.names} == {"x", "new"}
    check_same(home, store)
    before = home.text
    with pytest.raises(IntakeError) as error:
        store.change([BUNNY_HASH, SINTEL_HASH], {"save_path": "relative"})
    assert error.value.problems[0].code == Code.PATH and home.text == before
    with pytest.raises(KeyError):
        store.change(["f" * 40], {"category": "b"})
    with pytest.raises(IntakeError):
        store.change([SINTEL_HASH], {"state": "absent"})
    check_same(home, store)


def test_what_is_taken_back_is_absent_until_it_is_dropped_and_can_be_handed_in_again(home: IntakeHome) -> None:
    store = home.open_store()
    keys: dict[str, EntryValue] = {"category": "a", "save_path": "/x", "labels": {"id": 1}}
    store.hand_in([HandedIn(SINTEL, keys=keys)])
    store.remove([SINTEL_HASH], delete_files=False)
    entry = store.entries[SINTEL_HASH]
    assert (entry.absent, entry.delete_files, entry.category, entry.labels) == (True, False, None, {"id": "1"})
    store.remove([SINTEL_HASH], delete_files=True)
    assert store.entries[SINTEL_HASH].delete_files is True
    check_same(home, store)
    with pytest.raises(KeyError):
        store.change([SINTEL_HASH], {"category": "b"})
    (again,) = store.hand_in([HandedIn(SINTEL, keys={"category": "b"})])
    assert not again.is_known and not store.entries[SINTEL_HASH].absent
    store.drop([SINTEL_HASH], only_absent=True)
    assert SINTEL_HASH in store.entries, "it was handed in again meanwhile"
    check_same(home, store)


def test_it_holds_and_deletes_only_so_many(tmp_path: Path) -> None:
    home = IntakeHome(tmp_path, settings={"max_torrents": 3, "max_delete": 1})
    store = home.open_store()
    results = store.hand_in([HandedIn(magnet(number)) for number in range(1, 6)])
    assert [result.problem is None for result in results] == [True, True, True, False, False]
    with pytest.raises(IntakeFull):
        store.hand_in([HandedIn(magnet(9))])
    store.remove([f"{1:040x}"], delete_files=True)
    with pytest.raises(IntakeFull):
        store.remove([f"{2:040x}"], delete_files=True)
    store.remove([f"{1:040x}"], delete_files=True)
    assert sum(entry.absent for entry in store.entries.values()) == 1
    check_same(home, store)


def test_a_file_does_not_grow_beyond_what_is_read(home: IntakeHome, monkeypatch: pytest.MonkeyPatch) -> None:
    store = home.open_store()
    store.hand_in([HandedIn(SINTEL, keys={"category": "a" * 50})])
    monkeypatch.setattr("reconciler.intake.store.MAX_INTAKE_BYTES", len(home.text) - 1)
    with pytest.raises(IntakeFull):
        store.hand_in([HandedIn(BUNNY)])
    store.remove([SINTEL_HASH], delete_files=False)
    assert list(store.entries) == [SINTEL_HASH] and store.entries[SINTEL_HASH].absent
    check_same(home, store)


def test_categories_are_declared_changed_and_removed(home: IntakeHome) -> None:
    store = home.open_store()
    store.set_category("films", "/data/films")
    store.set_category("tv: x", None, download_path=False)
    store.hand_in([HandedIn(SINTEL, keys={"category": "films"})])
    assert store.categories["films"].save_path == "/data/films" and store.categories["tv: x"].download_path is False
    check_same(home, store)
    for name, path in (("a//b", None), ("ok", "relative"), ("", None)):
        with pytest.raises(IntakeError):
            store.set_category(name, path)
    store.set_category("films", "/other")
    store.remove_categories(["tv: x", "unknown"])
    assert {name: category.save_path for name, category in store.categories.items()} == {"films": "/other"}
    check_same(home, store)


def test_calls_that_wait_are_written_together(home: IntakeHome, monkeypatch: pytest.MonkeyPatch) -> None:
    store = home.open_store()
    is_first, may_write = threading.Event(), threading.Event()
    writes: list[str] = []
    original = IntakeFolder.write

    def write(folder: IntakeFolder, text: str, *, with_folder: bool = False) -> object:
        writes.append(text)
        is_first.set()
        may_write.wait(60)
        return original(folder, text, with_folder=with_folder)

    monkeypatch.setattr(IntakeFolder, "write", write)
    threads = [threading.Thread(target=store.hand_in, args=([HandedIn(magnet(n))],)) for n in range(1, 41)]
    threads[0].start()
    assert is_first.wait(60)
    for thread in threads[1:]:
        thread.start()
    while len(store._queue) < 39:
        pass
    may_write.set()
    for thread in threads:
        thread.join()
    assert len(writes) == 2 and len(store.entries) == 40
    check_same(home, store)


def test_two_processes_lose_nothing_of_each_other(home: IntakeHome) -> None:
    stores = [home.open_store(), home.open_store()]
    for number in range(1, 7):
        stores[number % 2].hand_in([HandedIn(magnet(number))])
    stores[0].set_category("a", None)
    stores[1].drop([f"{1:040x}"])
    assert len(stores[0].entries) == len(stores[1].entries) == 5
    check_same(home, stores[0])


def test_a_disk_without_room_changes_nothing(home: IntakeHome, monkeypatch: pytest.MonkeyPatch) -> None:
    store = home.open_store()
    store.hand_in([HandedIn(SINTEL)])
    before = home.text

    def fail(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        for torrent in (HandedIn(BUNNY), HandedIn(content=make_torrent(1))):
            with pytest.raises(IntakeUnavailable, match="No space left on device"):
                store.hand_in([torrent])
        with pytest.raises(IntakeUnavailable):
            store.remove([SINTEL_HASH], delete_files=True)
    assert home.text == before and list(store.entries) == [SINTEL_HASH] and not store.entries[SINTEL_HASH].absent
    assert sorted(path.name for path in home.file.parent.iterdir()) == [".intake.yaml.lock", "intake.yaml"]
    store.hand_in([HandedIn(BUNNY)])
    check_same(home, store)


def test_a_file_that_is_gone_or_broken_is_not_replaced(home: IntakeHome) -> None:
    store = home.open_store()
    store.hand_in([HandedIn(SINTEL)])
    text = home.text
    home.file.unlink()
    with pytest.raises(IntakeUnavailable, match="is gone"):
        store.hand_in([HandedIn(BUNNY)])
    for broken in (b"version: [", b"\xff", b"version: 1\nowner: x\ntorrents: []\n", b""):
        home.file.write_bytes(broken)
        with pytest.raises(IntakeUnavailable):
            store.hand_in([HandedIn(BUNNY)])
        assert home.file.read_bytes() == broken
    home.file.write_text(text)
    store.hand_in([HandedIn(BUNNY)])
    check_same(home, store)


def test_a_folder_that_cannot_be_used_is_an_error_at_start(tmp_path: Path) -> None:
    home = IntakeHome(tmp_path)
    home.file.symlink_to(tmp_path / "elsewhere.yaml")
    with pytest.raises(IntakeUnavailable, match="is a link"):
        home.open_store()
    home.file.unlink()
    home.file.parent.rmdir()
    with pytest.raises(IntakeUnavailable, match="there is no folder"):
        home.open_store()


def test_without_an_intake_nothing_can_be_handed_in(home: IntakeHome) -> None:
    store = home.open_store()
    (home.folder / "desired.yaml").write_text(
        "version: 1\npolicy: upsert\ninstances: {a: {url: 'http://127.0.0.1:1'}}\n"
    )
    from reconciler.desired import load

    home.desired = load([home.folder / "desired.yaml"], {})
    with pytest.raises(IntakeUnavailable, match="no intake is declared"):
        store.hand_in([HandedIn(SINTEL)])


def test_what_a_killed_process_left_is_deleted_at_the_next_start(home: IntakeHome) -> None:
    store = home.open_store()
    data = make_torrent(1)
    infohash = store.hand_in([HandedIn(content=data)])[0].infohash
    folder = home.file.parent
    left = [f"{'a' * 40}.torrent", ".intake.yaml.0123abcd.tmp", f".{'a' * 40}.torrent.0123abcd.tmp"]
    kept = ["film.torrent", f"{'b' * 40}.torrent", ".other.yaml.0123abcd.tmp", f"{infohash}.torrent"]
    for name in left + kept[:-1]:
        (folder / name).write_bytes(data)
        (folder / name).chmod(0o600)
    (folder / kept[1]).chmod(0o644)  # not as we write it
    home.open_store()
    names = {path.name for path in folder.iterdir()}
    assert names.isdisjoint(left) and names.issuperset(kept)


SERVICE = """
import sys
from pathlib import Path
from reconciler.intake import IntakeStore
from reconciler.model.intake import HandedIn
from tests.support.intake_files import IntakeHome
from tests.support.torrents import make_torrent
home = IntakeHome(Path(sys.argv[1]))
store = home.open_store()
for number in range(int(sys.argv[2]), 100_000):
    content = make_torrent(number) if number % 2 else b""
    link = "" if content else f"magnet:?xt=urn:btih:{number:040x}"
    print(store.hand_in([HandedIn(link, content, {"labels": {"number": number}})])[0].infohash, flush=True)
    if number % 5 == 0:
        print("-" + str(number), flush=True)
        store.drop([f"{number:040x}"])
"""


def test_a_kill_at_any_time_loses_nothing_that_was_answered(home: IntakeHome) -> None:
    answered: set[str] = set()
    doubtful: set[str] = set()
    for start in (10, 1010):
        command = [sys.executable, "-c", SERVICE, str(home.folder), str(start)]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert process.stdout
        for _ in range(start // 100 + 7):
            line = process.stdout.readline().strip()
            answered.add(line)
        process.kill()
        answered.update(line.strip() for line in process.stdout if line.endswith("\n"))
        process.wait()
        doubtful |= {f"{int(line[1:]):040x}" for line in answered if line.startswith("-")}
        answered = {line for line in answered if line and not line.startswith("-")}
        kept = {entry.infohash for entry in home.reload().torrents}
        assert answered - doubtful <= kept
        check_same(home, home.open_store())
    names = {path.stem for path in home.file.parent.glob("*.torrent")}
    sources = [entry.source for entry in home.desired.torrents]
    assert names == {Path(source.location).stem for source in sources if isinstance(source, TorrentFile)}


KEYS = st.fixed_dictionaries(
    {}, optional={"category": st.sampled_from(["a", "b: c", ""]), "paused": st.booleans(), "name": st.text(max_size=8)}
)
NUMBERS = st.integers(1, 6)
OPERATIONS = st.one_of(
    st.tuples(st.just("hand_in"), NUMBERS, KEYS),
    st.tuples(st.just("change"), NUMBERS, KEYS),
    st.tuples(st.just("remove"), NUMBERS, st.booleans()),
    st.tuples(st.just("drop"), NUMBERS, st.booleans()),
    st.tuples(st.just("set_category"), st.sampled_from(["a", "b: c", "x/y", "#"]), st.sampled_from([None, "/x", "y"])),
    st.tuples(st.just("remove_categories"), st.sampled_from(["a", "b: c"]), st.none()),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(OPERATIONS, max_size=8))
def test_whatever_is_called_the_file_is_what_the_store_knows(
    tmp_path_factory: pytest.TempPathFactory, operations: list[tuple[str, object, object]]
) -> None:
    home = IntakeHome(tmp_path_factory.mktemp("intake"))
    store = home.open_store()
    for name, first, second in operations:
        infohash = f"{first:040x}" if isinstance(first, int) else ""
        try:
            if name == "hand_in":
                assert isinstance(first, int) and isinstance(second, dict)
                store.hand_in([HandedIn(magnet(first), keys=second)])
            elif name == "change":
                assert isinstance(second, dict)
                store.change([infohash], second)
            elif name == "remove":
                store.remove([infohash], delete_files=bool(second))
            elif name == "drop":
                store.drop([infohash], only_absent=bool(second))
            elif name == "set_category":
                store.set_category(str(first), second if isinstance(second, str) else None)
            else:
                store.remove_categories([str(first)])
        except (IntakeError, KeyError):
            pass
    check_same(home, store)
