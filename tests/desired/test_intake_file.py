"""The file of the intake, as every load reads it."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.desired import DesiredStateError, LoadPermissions, load
from reconciler.model.codes import Code
from reconciler.model.desired import DesiredState
from tests.support.desired_yaml import BUNNY, SINTEL

HEAD = """\
version: 1
policy: upsert
instances: {home: {url: "http://127.0.0.1:1"}, box: {url: "http://127.0.0.1:2"}}
intake: {file: state/intake.yaml, instance: home}
"""


def write_files(folder: Path, own: str, handed_in: str | None) -> Path:
    (folder / "state").mkdir()
    if handed_in is not None:
        (folder / "state" / "intake.yaml").write_text(f"version: 1\n{handed_in}")
    path = folder / "desired.yaml"
    path.write_text(HEAD + own)
    return path


def load_files(folder: Path, own: str, handed_in: str | None) -> DesiredState:
    return load([write_files(folder, own, handed_in)], {})


def list_codes(error: pytest.ExceptionInfo[DesiredStateError]) -> list[str]:
    return [problem.code for problem in error.value.problems]


def test_its_torrents_go_to_its_instance_unless_they_name_another(tmp_path: Path) -> None:
    text = f"torrents:\n  - magnet: {SINTEL}\n  - magnet: {BUNNY}\n    instance: box\n"
    desired = load_files(tmp_path, "torrents: []\n", text)
    assert [(entry.instance, entry.is_handed_in) for entry in desired.torrents] == [("home", True), ("box", True)]
    assert desired.torrents[0].position.file == str(tmp_path / "state" / "intake.yaml")
    assert str(tmp_path / "state" / "intake.yaml") in desired.files, "a watch sees its changes"
    assert not desired.warnings


def test_without_the_file_there_is_a_warning_and_a_mark(tmp_path: Path) -> None:
    desired = load_files(tmp_path, "", None)
    assert desired.intake is not None and desired.intake.is_missing
    assert [warning.code for warning in desired.warnings] == [Code.INTAKE_MISSING]
    assert str(tmp_path / "state" / "intake.yaml") in desired.files, "a watch sees that it is created"


def test_what_people_declare_has_precedence(tmp_path: Path) -> None:
    own = f"categories: {{a: {{save_path: /mine}}}}\ntorrents: [{{magnet: '{SINTEL}', instance: home, category: a}}]\n"
    handed_in = (
        "categories: {a: {save_path: /theirs}, b: {}}\n"
        f"torrents:\n  - magnet: {SINTEL}\n    category: b\n  - magnet: {BUNNY}\n"
    )
    desired = load_files(tmp_path, own, handed_in)
    assert [(entry.category, entry.is_handed_in) for entry in desired.torrents] == [("a", False), (None, True)]
    assert {name: category.save_path for name, category in desired.categories.items()} == {"a": "/mine", "b": None}
    assert [warning.code for warning in desired.warnings] == [Code.SHADOWED, Code.SHADOWED]
    assert desired.unfetched_count == 0, "nothing is missing"


def test_a_torrent_twice_in_the_intake_counts_once(tmp_path: Path) -> None:
    desired = load_files(tmp_path, "", f"torrents:\n  - magnet: {SINTEL}\n  - magnet: {SINTEL}&dn=again\n")
    assert len(desired.torrents) == 1
    assert [warning.code for warning in desired.warnings] == [Code.SHADOWED]


@pytest.mark.parametrize("key", ["owner: x", "defaults: {paused: true}", "instances: {}", "include: [a.yaml]"])
def test_it_contains_torrents_and_categories_only(key: str, tmp_path: Path) -> None:
    with pytest.raises(DesiredStateError) as error:
        load_files(tmp_path, "", f"{key}\n")
    assert Code.INTAKE_FILE in list_codes(error)


def test_a_file_that_people_write_cannot_be_it(tmp_path: Path) -> None:
    path = write_files(tmp_path, "", "torrents: []\n")
    for files in ([path, tmp_path / "state" / "intake.yaml"], [path, tmp_path / "state"]):
        with pytest.raises(DesiredStateError) as error:
            load(files, {})
        assert Code.INTAKE_FILE in list_codes(error)
    path.write_text(HEAD + "include: [state/*.yaml]\n")
    with pytest.raises(DesiredStateError) as error:
        load([path], {})
    assert list_codes(error) == [Code.INTAKE_FILE]


def test_a_text_that_is_about_to_be_written_counts(tmp_path: Path) -> None:
    path = write_files(tmp_path, "", None)
    texts = {tmp_path / "state" / "intake.yaml": f"version: 1\ntorrents:\n  - magnet: {SINTEL}\n"}
    desired = load([path], {}, texts=texts)
    assert len(desired.torrents) == 1 and desired.intake is not None and not desired.intake.is_missing


def test_a_comparison_of_what_people_declare_leaves_it_out(tmp_path: Path) -> None:
    path = write_files(tmp_path, "torrents: []\n", f"torrents:\n  - magnet: {SINTEL}\n")
    desired = load([path], {}, permissions=LoadPermissions(reads_intake=False))
    assert not desired.torrents and desired.intake is not None and not desired.intake.is_missing
