"""One entry is checked as a load of the whole file would check it."""

from __future__ import annotations

from pathlib import Path

from reconciler.desired.render import EntrySource
from reconciler.intake.checking import EntryChecker
from reconciler.intake.text import Block, parse_intake, render_block
from reconciler.model.magnet import parse_magnet
from tests.support.desired_yaml import SINTEL
from tests.support.intake_files import IntakeHome

URL = "http://127.0.0.1:9/x.torrent"


def test_an_entry_alone_is_the_entry_of_a_load(tmp_path: Path) -> None:
    home = IntakeHome(tmp_path)
    checker = EntryChecker(home.file, home.desired, {})
    text = f"version: 1\ntorrents:\n  - magnet: {SINTEL}\n    labels: {{id: 007}}\n    share_limits: {{ratio: 2}}\n"
    home.file.write_text(text)
    built, problems = checker.build_entry(parse_intake(str(home.file), text).blocks[0])
    assert not problems and (built,) == home.reload().torrents


def test_a_problem_is_of_the_file_as_a_whole(tmp_path: Path) -> None:
    home = IntakeHome(tmp_path)
    block = render_block(EntrySource("magnet", "x"), {"tags": "a"})
    torrent, problems = EntryChecker(home.file, home.desired, {}).build_entry(block)
    assert torrent is None and len(problems) == 2
    assert {(problem.position.line, problem.of_file) for problem in problems} == {(1, True)}


def test_a_url_is_what_a_run_has_fetched(tmp_path: Path) -> None:
    home = IntakeHome(tmp_path)
    block = render_block(EntrySource("torrent", URL), {})
    unknown, _ = EntryChecker(home.file, home.desired, {}).build_entry(block)
    assert unknown is not None and unknown.unknown_source and not unknown.ids
    known, _ = EntryChecker(home.file, home.desired, {URL: parse_magnet(SINTEL)}).build_entry(block)
    assert known is not None and known.ids == parse_magnet(SINTEL).infohashes.ids


def test_a_text_that_means_more_than_its_data_is_refused(tmp_path: Path) -> None:
    home = IntakeHome(tmp_path)
    text = f"  - magnet: {SINTEL}\n  - infohash: {'a' * 40}\n"
    for data in ({"magnet": SINTEL}, {"magnet": SINTEL, "name": "x"}):
        _, problems = EntryChecker(home.file, home.desired, {}).build_entry(Block(text, data))
        assert [problem.message for problem in problems] == ["this entry cannot be written safely"]
