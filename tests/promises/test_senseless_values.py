"""Senseless values from one server, and bugs of ours met on one, end no work on another."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.desired import load
from reconciler.engine.observation import OpenTarget
from reconciler.engine.run import run_once
from reconciler.engine.selection import RunOptions
from reconciler.model.content import CreationSpec
from reconciler.model.desired import Instance
from reconciler.model.run import InstanceResult, Status
from reconciler.model.snapshot import AddOptions, Snapshot
from reconciler.qbittorrent.convert import convert_torrents
from reconciler.qbittorrent.errors import REQUEST_EXCEPTIONS, RequestContext, translate_error
from reconciler.qbittorrent.schemas import TORRENT_ROWS_ADAPTER
from reconciler.qbittorrent.transfers import TransferStats
from reconciler.report.json.run import write_run
from reconciler.report.markdown import render_run_markdown
from reconciler.report.text.run import render_run
from reconciler.testing.memory import MemoryInstance
from tests.support.fake_retry import fake_context
from tests.support.instances import OPTIONS_ROW
from tests.support.magnets import make_infohash, make_magnet
from tests.support.search_effort import take_examples

ROW: dict[str, Any] = {
    "hash": make_infohash(1),
    "infohash_v1": make_infohash(1),
    "infohash_v2": "",
    "name": "a",
    "state": "stalledUP",
    "category": "",
    "tags": "reconcile:default",
    "save_path": "/d",
    "content_path": "/d/a",
    "auto_tmm": False,
    "progress": 1.0,
    "size": 9,
    "num_seeds": 0,
    "num_complete": 0,
    "eta": 8_640_000,
    "ratio": 1.0,
    "dlspeed": 0,
    "upspeed": 0,
    "inactive_seeding_time_limit": -2,
    "share_limit_action": "Default",
    "share_limits_mode": "Default",
    "download_path": "",
    "comment": "",
    "tracker": "",
    **OPTIONS_ROW,
}
NUMBERS = ["1e308", "-1e308", "1e999", "NaN", "Infinity", "-Infinity", "-1", "0.5", "2", str(2**63), str(-(2**63) - 1)]
NUMBERS += [str(2**63 - 1), "9" * 400, "-" + "9" * 400]
LITERALS = st.sampled_from([*NUMBERS, '"NaN"', '""', '"x"', "null", "true", "[]", "{}", "[[]]", '"\\u0000\\u202e"'])
VALUES = LITERALS | st.integers().map(str) | st.floats().map(json.dumps) | st.text().map(json.dumps)
CHANGES = st.dictionaries(st.sampled_from(sorted(ROW)), VALUES, min_size=1, max_size=4)


def write_row(changes: Mapping[str, str]) -> str:
    """The JSON of a row, with some of its values replaced by JSON texts."""
    fields = {key: changes.get(key, json.dumps(value)) for key, value in ROW.items()}
    return "{" + ",".join(f'"{key}":{text}' for key, text in fields.items()) + "}"


class SenselessInstance(MemoryInstance):
    """An instance whose list of torrents is `body`."""

    def __init__(self, instance: Instance, body: str) -> None:
        super().__init__()
        self._instance = instance
        self._body = body

    def read_snapshot(self, files_of: Collection[str] = (), creations: Collection[CreationSpec] = ()) -> Snapshot:
        try:
            stats = TransferStats()
            stats.read_list(self._body.encode())
            rows = TORRENT_ROWS_ADAPTER.validate_json(self._body)
        except REQUEST_EXCEPTIONS as error:
            raise translate_error(error, RequestContext(self._instance, "torrents/info")) from None
        return replace(super().read_snapshot(files_of, creations), torrents=convert_torrents(rows, ()))


def run_with_bad_instance(folder: Path, bad: MemoryInstance | str, *, declared: bool) -> dict[str, InstanceResult]:
    """Run on `good` and `bad`, render every report, check what became of `good`, and return the results."""
    file = folder / "desired.yaml"
    entry = f'  - {{magnet: "{make_magnet(1)}", instance: bad, category: x, upload_limit: 5 kB/s, paused: true}}\n'
    file.write_text(
        'version: 1\npolicy: sync\ninstances: {good: {url: "http://good"}, bad: {url: "http://bad"}}\n'
        "guard: {max_delete: 100, max_delete_percent: 100}\n"
        f'torrents:\n  - {{magnet: "{make_magnet(2)}", instance: good}}\n' + entry * declared
    )
    desired, good = load([file], {}), MemoryInstance()

    def connect(instance: Instance, _stop: threading.Event) -> OpenTarget:
        if instance.name == "good":
            return good
        return SenselessInstance(instance, bad) if isinstance(bad, str) else bad

    run = run_once(desired, RunOptions(), fake_context(connect, effect_timeout=0.5))
    list(render_run(run, "reconcile"))
    render_run_markdown(run)
    write_run(run, io.StringIO())
    results = {result.name: result for result in run.instances}
    assert results["good"].status is Status.OK
    assert set(good.torrents) == {make_infohash(2)}
    return results


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("senseless")


@take_examples(35)
@given(changes=CHANGES, declared=st.booleans())
def test_any_value_in_any_field_is_an_error_of_that_instance_at_most(
    folder: Path, changes: Mapping[str, str], declared: bool
) -> None:
    bad = run_with_bad_instance(folder, f"[{write_row(changes)}]", declared=declared)["bad"]
    assert "internal error" not in (bad.error or ""), bad.error


@take_examples(35)
@given(changes=CHANGES)
def test_two_rows_of_one_torrent_are_an_error_of_that_instance_at_most(
    folder: Path, changes: Mapping[str, str]
) -> None:
    rows = f"[{write_row({})},{write_row({key: text for key, text in changes.items() if key != 'hash'})}]"
    bad = run_with_bad_instance(folder, rows, declared=False)["bad"]
    assert "internal error" not in (bad.error or ""), bad.error


@pytest.mark.parametrize("number", ["1e308", "NaN", "Infinity", "-5", '"1"', "9" * 400])
def test_a_senseless_progress_names_the_field(folder: Path, number: str) -> None:
    bad = run_with_bad_instance(folder, f"[{write_row({'progress': number})}]", declared=False)["bad"]
    assert bad.status is Status.ERROR
    assert bad.error and "bad: torrents/info at http://bad answered with" in bad.error and "progress" in bad.error


@pytest.mark.parametrize("method", ["open", "read_snapshot", "add_magnets", "set_category", "read_torrents"])
def test_a_bug_met_on_one_instance_ends_no_work_on_another(
    folder: Path, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = MemoryInstance()

    def fail(*_args: object, **_options: object) -> None:
        raise OverflowError("cannot convert float infinity to integer")

    if method == "set_category":
        bad.add_magnets([make_magnet(1)], AddOptions(stopped=True, auto_tmm=False, tags=("reconcile:default",)))
    monkeypatch.setattr(bad, method, fail)
    result = run_with_bad_instance(folder, bad, declared=True)["bad"]
    assert result.status is Status.ERROR
    assert result.error and result.error.startswith("bad: internal error: OverflowError.")


def test_a_snapshot_that_the_planner_cannot_use_ends_no_work_on_another(folder: Path) -> None:
    class Unplannable(MemoryInstance):
        def read_snapshot(self, files_of: Collection[str] = (), creations: Collection[CreationSpec] = ()) -> Snapshot:
            return replace(super().read_snapshot(files_of, creations), torrents=(None,))  # type: ignore[arg-type]

    result = run_with_bad_instance(folder, Unplannable(), declared=True)["bad"]
    assert result.status is Status.ERROR
    assert result.error and result.error.startswith("bad: internal error: ")
