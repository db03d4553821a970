"""The encoding of JSON documents and their shared parts."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

from reconciler.model.groups import ActionPlacement
from reconciler.model.health import Health, HealthState, ProbeHealth
from reconciler.model.plan import (
    Action,
    AdoptTorrent,
    Blast,
    Change,
    DeleteTorrent,
    Outcome,
    SetPreference,
    UpdateTorrent,
    Verb,
)
from reconciler.model.position import Problem
from reconciler.model.run import ActionResult
from reconciler.model.secret import Secret
from reconciler.report.json.common import (
    encode_actions,
    encode_json,
    health_json,
    iso_utc,
    iterate_object,
    position_text,
    write_failure,
    write_object,
)
from tests.support.example_runs import make_infohash, make_position, make_torrent_action


def test_lists_are_written_with_one_item_per_line_and_in_ascii() -> None:
    stream = io.StringIO()
    write_object(stream, {"a": "é\x1b", "b": None}, {"items": iter(["1", "2"]), "none": ()})
    assert stream.getvalue() == '{"a": "\\u00e9\\u001b",\n"b": null,\n"items": [\n1,\n2],\n"none": []}\n'


def test_an_object_within_a_list_has_its_keys_on_one_line() -> None:
    assert "".join(iterate_object({"a": 1, "b": 2}, {"items": ["3"]})) == '{"a": 1, "b": 2,\n"items": [\n3]}'


class PieceStream(io.StringIO):
    """A stream that records the lengths of what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.lengths: list[int] = []

    def write(self, text: str, /) -> int:
        """Write a text."""
        self.lengths.append(len(text))
        return super().write(text)


def test_a_long_report_is_written_in_large_pieces() -> None:
    stream, numbers = PieceStream(), [str(number) for number in range(30_000)]
    write_object(stream, {"a": 1}, {"items": [iterate_object({"b": 2}, {"numbers": numbers})]})
    assert json.loads(stream.getvalue()) == {"a": 1, "items": [{"b": 2, "numbers": [*range(30_000)]}]}
    assert len(stream.lengths) == 5
    assert max(stream.lengths) < 70_000


def test_a_failure_document_replaces_the_report() -> None:
    stream = io.StringIO()
    write_failure(4, "the desired state is invalid", (Problem(make_position(3), "E030", "no", "Say yes"),), stream)
    assert json.loads(stream.getvalue()) == {
        "format_version": 1,
        "exit_code": 4,
        "error": "the desired state is invalid",
        "problems": [
            {"file": "desired.yaml", "line": 3, "column": 5, "code": "E030", "message": "no", "hint": "Say yes"}
        ],
    }


def test_further_lines_of_a_failure_stand_before_its_problems() -> None:
    stream = io.StringIO()
    write_failure(2, "ambiguous", (), stream, ["a", "b"])
    document = json.loads(stream.getvalue())
    assert list(document.items())[2:] == [("error", "ambiguous"), ("more", ["a", "b"]), ("problems", [])]


def test_an_action_on_a_setting_has_no_torrent_keys_and_no_secret() -> None:
    change = Change("value", "(secret)", "(secret)")
    action = SetPreference("proxy_password", "value differs", (change,), value=Secret("hunter2"))
    (encoded,) = encode_actions([ActionResult(action, Outcome.FAILED, "full")])
    assert "hunter2" not in encoded
    assert json.loads(encoded) == {
        "verb": "update",
        "kind": "preference",
        "infohash": None,
        "name": "proxy_password",
        "source": None,
        "changes": [{"field": "value", "from": "(secret)", "to": "(secret)"}],
        "disruptive": False,
        "delete_files": False,
        "removed": False,
        "blast": None,
        "reason": "value differs",
        "group": None,
        "placement_reason": None,
        "outcome": "failed",
        "error": "full",
    }


def test_a_placed_action_has_its_group_and_position() -> None:
    placement = ActionPlacement("resilient", "the first healthy member")
    action = make_torrent_action(Verb.ADD, "Sintel", "not on the instance", number=20, placement=placement)
    document = json.loads(next(encode_actions([ActionResult(action, Outcome.PLANNED)])))
    assert (document["group"], document["placement_reason"]) == ("resilient", "the first healthy member")
    assert document["source"] == position_text(make_position(20)) == "desired.yaml:20:5"
    assert position_text(None) is None


def test_actions_that_differ_in_a_single_key_are_encoded_as_each_of_them_alone() -> None:
    changes, placement = (Change("category", None, "linux"),), ActionPlacement("resilient", "the first healthy member")
    update = UpdateTorrent("Sintel", "category differs", changes, make_position(20), infohash=make_infohash(20))
    delete = DeleteTorrent("Sintel", "category differs", changes, make_position(20), infohash=make_infohash(20))
    actions: list[Action] = [
        update,
        replace(update, name="Tears of Steel"),
        replace(update, infohash=make_infohash(21)),
        replace(update, position=make_position(21)),
        replace(update, changes=(Change("category", "iso", "linux"),)),
        replace(update, reason="it was renamed"),
        replace(update, placement=placement),
        replace(update, placement=replace(placement, reason="the second healthy member")),
        replace(update, disruptive=True),
        replace(update, blast=Blast(bytes=1)),
        replace(update, blast=Blast(bytes=2)),
        AdoptTorrent("Sintel", "category differs", changes, make_position(20), infohash=make_infohash(20)),
        delete,
        replace(delete, delete_files=True),
    ]
    results = [
        *(ActionResult(action, Outcome.APPLIED) for action in actions),
        ActionResult(update, Outcome.FAILED),
        ActionResult(update, Outcome.FAILED, "it is busy"),
        ActionResult(delete, Outcome.FAILED, is_removed=True),
    ]
    alone = [next(encode_actions([result])) for result in results]
    assert len(set(alone)) == len(results)
    repeated = 20  # times: more than are encoded in one text
    assert ",\n".join(encode_actions(results * repeated)) == ",\n".join(alone * repeated)


def test_the_health_is_null_if_unknown_and_has_all_probes_otherwise() -> None:
    since = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
    probe = ProbeHealth("interface wg0", HealthState.VPN_DOWN, since, "bound to eth0", "Correct it", 2, "bound to eth0")
    assert health_json(None) is None
    assert health_json(Health(HealthState.VPN_DOWN, since, "interface wg0: bound to eth0", (probe,))) == {
        "state": "VPN_DOWN",
        "since": "2026-01-02T12:00:00.000Z",
        "error": "interface wg0: bound to eth0",
        "probes": [
            {
                "probe": "interface wg0",
                "state": "VPN_DOWN",
                "since": "2026-01-02T12:00:00.000Z",
                "text": "bound to eth0",
                "hint": "Correct it",
                "last_error": "bound to eth0",
            }
        ],
    }


def test_times_are_in_utc_to_the_millisecond() -> None:
    time = datetime(2026, 1, 2, 0, 30, 0, 250_999, timezone(timedelta(hours=1)))
    assert iso_utc(time) == "2026-01-01T23:30:00.250Z"


def test_no_document_begins_a_command_of_the_runner_of_github() -> None:
    document = encode_json({"name": "##[error]x", "more": ["###[group]", "#[x"]})
    assert "##[" not in document
    assert json.loads(document) == {"name": "##[error]x", "more": ["###[group]", "#[x"]}
