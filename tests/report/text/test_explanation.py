"""`reconcile explain` as text."""

from __future__ import annotations

from dataclasses import replace

from reconciler.model.desired import DesiredTorrent
from reconciler.model.explanation import Candidate, Explanation, FieldComparison, InstanceExplanation
from reconciler.model.infohash import InfoHashes
from reconciler.model.plan import Change, GuardVerdict, Outcome, Verb
from reconciler.model.run import ActionResult, Status
from reconciler.model.snapshot import LiveTorrent
from reconciler.report.text.explanation import render_candidates, render_explanation
from reconciler.report.text.lines import render_plain
from tests.support.example_runs import make_infohash, make_position, make_torrent_action

UNDECLARED = InstanceExplanation("home", Status.OK)
ENTRY = DesiredTorrent(make_position(3), InfoHashes(make_infohash(1)), None, "home")


def make_live_torrent(**rest: object) -> LiveTorrent:
    """A stopped torrent of ours."""
    torrent = LiveTorrent(make_infohash(1), InfoHashes(make_infohash(1)), "Sintel", stopped=True, state="stoppedDL")
    return replace(torrent, **rest)  # type: ignore[arg-type]


def render_texts(*instances: InstanceExplanation) -> list[str]:
    """The lines of an explanation."""
    explanation = Explanation("Sintel", make_infohash(1), "home", instances)
    return [render_plain(line) for line in render_explanation(explanation)]


def test_instances_without_the_torrent_share_one_line() -> None:
    assert render_texts(UNDECLARED, replace(UNDECLARED, instance="attic")) == [
        f"Sintel   {make_infohash(1)}",
        "",
        "neither declared nor live on home, attic",
    ]


def test_an_instance_that_was_not_read_shows_only_the_declaration() -> None:
    down = replace(UNDECLARED, status=Status.UNREACHABLE, error="home: connection refused", entry=ENTRY)
    assert render_texts(down)[2:] == [
        "home   unreachable",
        "  not read  connection refused",
        "  declared  desired.yaml:3:5",
    ]


def test_a_torrent_of_others_is_never_touched() -> None:
    foreign = replace(UNDECLARED, live_torrents=(make_live_torrent(size=2048, progress=0.999),))
    assert render_texts(foreign)[2:] == [
        "home",
        "  declared  nowhere",
        "  live      stoppedDL · 99 % · 2.0 KiB · id 0000000001",
        "  owner     unowned (no owner tag)",
        "  plan      nothing to do: neither declared nor ours, so never touched",
    ]


def test_a_declared_torrent_without_changes_has_nothing_to_do() -> None:
    lines = render_texts(replace(UNDECLARED, entry=ENTRY, live_torrents=(make_live_torrent(),)))
    assert "  plan      nothing to do" in lines


def test_the_plan_the_guard_and_the_fields_are_shown() -> None:
    action = make_torrent_action(Verb.UPDATE, "Sintel", "tags differ", Change("tags", (), ("a",)), number=3)
    explained = replace(
        UNDECLARED,
        entry=ENTRY,
        live_torrents=(make_live_torrent(),),
        owned=True,
        other_owners=("work",),
        results=(ActionResult(action, Outcome.PLANNED),),
        verdict=GuardVerdict(True, ("too many changes",)),
        fields=(FieldComparison("tags", ("a",), (), differs=True), FieldComparison("save_path", None, "/d")),
    )
    assert render_texts(explained)[4:] == [
        "  live      stoppedDL · 0 % · size not known yet · id 0000000001",
        "  owner     ours (reconcile:home), and reconcile:work",
        "  plan      ~ update: tags differ",
        "            tags: +a",
        "  guard     refused: nothing is executed on this instance",
        "            too many changes",
        "",
        "             declared     live",
        "  tags       a            (none)  differs",
        "  save_path  not managed  /d",
    ]


def test_a_torrent_that_the_kill_switch_stopped_shows_its_former_state() -> None:
    held = make_live_torrent(tags=frozenset({"reconcile:home", "reconcile:held:forced"}))
    lines = render_texts(replace(UNDECLARED, entry=ENTRY, live_torrents=(held,), owned=True))
    text = "stopped by the kill switch; it was force-started before, and starts again once the instance is healthy"
    assert f"  held      {text}" in lines


def test_candidates_have_their_short_infohash_and_locations() -> None:
    candidate = Candidate("Debian", make_infohash(1), ("desired.yaml:1:1", "home"))
    assert render_candidates([candidate]) == ["0000000001  Debian   desired.yaml:1:1, home"]
    assert render_candidates([]) == []
