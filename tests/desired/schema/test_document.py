"""The rules for the top-level keys of a document."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from reconciler.desired.context import InvalidValue
from reconciler.desired.schema.document import (
    DOCUMENT_ADAPTER,
    DocumentEntry,
    GuardEntry,
    check_owner_name,
    check_plan_hash,
    check_version,
    parse_quarantine,
)

HASH = "sha256:" + "0a" * 32


@pytest.mark.parametrize(
    ("check", "value", "result"),
    [
        (check_version, 1, 1),
        (check_owner_name, "home-2.x_y", "home-2.x_y"),
        (check_plan_hash, HASH, HASH),
        (parse_quarantine, "1d", 1),
        (parse_quarantine, "3650d", 3650),
        (parse_quarantine, "007d", 7),
    ],
)
def test_valid_values_are_accepted(check: Callable[[object], object], value: object, result: object) -> None:
    assert check(value) == result


@pytest.mark.parametrize(
    ("check", "value", "message"),
    [
        (check_version, 2, "this reconcile reads version 1 of the format, not 2"),
        (check_owner_name, "a b", "an owner may contain only letters, digits and . _ -"),
        (check_owner_name, "", "an owner may contain only letters, digits and . _ -"),
        (check_owner_name, "protect", '"protect" cannot be an owner: the tag reconcile:protect is reserved'),
        (check_owner_name, "content-of", '"content-of" cannot be an owner: the tag reconcile:content-of is reserved'),
        (check_plan_hash, HASH.upper(), 'a plan hash must be "sha256:" followed by 64 hex digits'),
        (check_plan_hash, HASH + "\n", 'a plan hash must be "sha256:" followed by 64 hex digits'),
        (parse_quarantine, "0d", "a quarantine must be a whole number of days, from 1d to 3650d"),
        (parse_quarantine, "3651d", "a quarantine must be a whole number of days, from 1d to 3650d"),
        (parse_quarantine, "24h", "a quarantine must be a whole number of days, from 1d to 3650d"),
        (parse_quarantine, 7, "a quarantine must be a whole number of days, from 1d to 3650d"),
    ],
)
def test_other_values_are_refused(check: Callable[[object], object], value: object, message: str) -> None:
    with pytest.raises(InvalidValue) as error:
        check(value)
    assert error.value.message == message


def test_a_document_needs_only_its_version() -> None:
    assert DOCUMENT_ADAPTER.validate_python({"version": 1}) == {"version": 1}


@pytest.mark.parametrize(
    ("data", "error_type", "loc"),
    [
        ({}, "missing", ("version",)),
        ({"version": "1"}, "int_type", ("version",)),
        ({"version": 1, "torrent": []}, "extra_forbidden", ("torrent",)),
        ({"version": 1, "policy": "delete"}, "literal_error", ("policy",)),
        ({"version": 1, "guard": {"max_delete": -1}}, "greater_than_equal", ("guard", "max_delete")),
        ({"version": 1, "guard": {"max_delete_percent": 101}}, "less_than_equal", ("guard", "max_delete_percent")),
    ],
)
def test_a_wrong_document_has_an_error_at_the_value(data: object, error_type: str, loc: tuple[str | int, ...]) -> None:
    with pytest.raises(ValidationError) as raised:
        DOCUMENT_ADAPTER.validate_python(data)
    (error,) = raised.value.errors()
    assert (error["type"], error["loc"]) == (error_type, loc)


def test_the_schema_of_a_rare_key_is_built_when_a_document_has_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[object] = []

    def build(shape: Any, **options: Any) -> TypeAdapter[Any]:
        built.append(shape)
        return TypeAdapter(shape, **options)

    monkeypatch.setattr("reconciler.desired.schema.common.TypeAdapter", build)
    adapter = TypeAdapter(DocumentEntry)
    assert adapter.validate_python({"version": 1, "policy": "sync"}) == {"version": 1, "policy": "sync"}
    assert built == []
    for _ in range(2):
        with pytest.raises(ValidationError) as caught:
            adapter.validate_python({"version": 1, "guard": {"max_delete": -1}})
        assert [error["loc"] for error in caught.value.errors()] == [("guard", "max_delete")]
    assert built == [GuardEntry]
