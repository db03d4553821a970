"""The schema of one instance."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from reconciler.desired.context import InvalidValue
from reconciler.desired.schema.instances import InstanceEntry, check_instance_name

ADAPTER = TypeAdapter(InstanceEntry)
URL = {"url": "http://127.0.0.1:8080"}


@pytest.mark.parametrize("name", ["home", "seed.box-2_x", "1"])
def test_a_name_is_plain(name: str) -> None:
    assert check_instance_name(name) == name


@pytest.mark.parametrize("name", ["", "a b", "a/b", "é", "a\n"])
def test_another_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidValue) as error:
        check_instance_name(name)
    assert error.value.message == "the name of an instance may contain only letters, digits and . _ -"


@pytest.mark.parametrize(
    ("keys", "result"),
    [
        ({}, {}),
        ({"url": {"env": "URL"}}, {"url": {"env": "URL"}}),
        ({"password": {"file": "pw"}, "username": None}, {"password": {"file": "pw"}, "username": None}),
        ({"timeout": {"connect": "5s", "read": "2m"}}, {"timeout": {"connect": 5.0, "read": 120.0}}),
        ({"pool_size": 16, "when_unhealthy": "pause"}, {"pool_size": 16, "when_unhealthy": "pause"}),
    ],
)
def test_valid_keys_are_accepted(keys: dict[str, Any], result: dict[str, Any]) -> None:
    assert ADAPTER.validate_python({**URL, **keys}) == {**URL, **result}


@pytest.mark.parametrize(
    ("keys", "error_type"),
    [
        ({"pool_size": 0}, "greater_than_equal"),
        ({"pool_size": 17}, "less_than_equal"),
        ({"pool_size": "4"}, "int_type"),
        ({"when_unhealthy": "stop"}, "literal_error"),
        ({"tls": {"verify": "no"}}, "bool_type"),
        ({"tls": {"ca": "a.pem"}}, "extra_forbidden"),
        ({"password": 1234}, "string_type"),
        ({"url": "http://admin:x@home"}, "value_error"),
        ({"timeout": {"read": "0s"}}, "value_error"),
    ],
)
def test_other_keys_are_refused(keys: dict[str, Any], error_type: str) -> None:
    with pytest.raises(ValidationError) as raised:
        ADAPTER.validate_python({**URL, **keys})
    (error,) = raised.value.errors()
    assert error["type"] == error_type


def test_another_document_may_have_the_url() -> None:
    assert ADAPTER.validate_python({"categories": {"linux": None}}) == {"categories": {"linux": None}}
