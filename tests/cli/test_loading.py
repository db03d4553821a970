"""Loading the desired state of a command."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import pytest

import reconciler.cli.options  # noqa: F401 - the options register their variables
from reconciler.cli.loading import failure_from_problems, find_desired_files, load_desired, make_fetcher
from reconciler.cli.settings import CommandFailure, Settings
from reconciler.cli.signals import StopSignals
from reconciler.desired import TorrentFileCache
from reconciler.model.errors import StopRequested
from reconciler.model.position import Position, Problem
from reconciler.model.torrent_file import FetchedTorrent
from tests.support.torrents import make_torrent
from tests.support.web import FixedWebServer

OURS = Problem(Position("desired.yaml", 1, 1), "E030", "unknown key")


def test_given_files_replace_the_default_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_desired_files(Settings()) == (Path("desired.yaml"),)
    assert find_desired_files(Settings((Path("a"), Path("b")))) == (Path("a"), Path("b"))
    (folder / "empty").mkdir()
    monkeypatch.chdir(folder / "empty")
    with pytest.raises(CommandFailure, match=r"there is no desired\.yaml here") as failure:
        find_desired_files(Settings())
    assert failure.value.exit_code == 4


def test_a_desired_state_with_problems_is_exit_code_4() -> None:
    failure = failure_from_problems([OURS])
    assert (str(failure), failure.exit_code, failure.problems) == (
        *("the desired state is invalid: 1 problem; nothing was changed", 4),
        [OURS],
    )


def test_a_fetcher_keeps_what_it_fetches_in_the_state_folder(tmp_path: Path) -> None:
    with FixedWebServer({"/": make_torrent(1)}) as web:
        url, settings = web.url_of(), Settings(state_dir=tmp_path)
        assert make_fetcher(settings, None, read_only=True)([url])[url].error is None
        assert list(tmp_path.iterdir()) == []
        make_fetcher(settings, None, read_only=False)([url])
        web.answers["/"] = 404
        fetched = make_fetcher(settings, None, read_only=True)([url])[url]
    assert fetched.source is not None and "404 Not Found" in str(fetched.error)
    assert [path.name for path in tmp_path.iterdir()] == ["fetched"]


def test_without_a_home_nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    with FixedWebServer({"/": make_torrent(1)}) as web:
        assert make_fetcher(Settings(), None, read_only=False)([web.url_of()])[web.url_of()].source


@pytest.mark.usefixtures("folder")
def test_variables_that_nothing_reads_are_warned_about(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RECONCILE_OUTPUTS", "json")
    assert [entry.label for entry in load_desired(Settings()).torrents] == ["Sintel"]
    assert capsys.readouterr().err.startswith("warning: no option reads the variable RECONCILE_OUTPUTS.")
    load_desired(Settings(quiet=True))
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("folder")
def test_a_missing_secret_is_a_problem_only_if_secrets_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME_PASSWORD")
    assert len(load_desired(Settings(), resolve_secrets=False).instances) == 1
    with pytest.raises(CommandFailure) as failure:
        load_desired(Settings())
    assert failure.value.exit_code == 4
    assert "HOME_PASSWORD" in failure.value.problems[0].message


def test_a_stop_during_the_downloads_is_reported(folder: Path) -> None:
    def fetch(_urls: Collection[str]) -> Mapping[str, FetchedTorrent]:
        raise StopRequested

    with (folder / "desired.yaml").open("a") as stream:
        stream.write("  - torrent: http://127.0.0.1:9/a.torrent\n")
    stopping = StopSignals()
    stopping.exit_code = 143
    with pytest.raises(CommandFailure, match="stopped while torrents were fetched") as failure:
        load_desired(Settings(), stop_signals=stopping, torrents=TorrentFileCache(fetch))
    assert failure.value.exit_code == 143
