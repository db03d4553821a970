"""The values of `intake` and `gateway` that the schema refuses."""

from __future__ import annotations

import pytest

from reconciler.desired.context import InvalidValue
from reconciler.desired.schema.gateway import check_intake_file, check_no_settings, check_service_text, parse_trusted
from reconciler.model.codes import Code


@pytest.mark.parametrize("text", ["intake", "/state/.intake.yaml", "http://x/intake.yaml", "a\nb.yaml", ""])
def test_the_file_of_an_intake_is_a_yaml_file_that_is_not_hidden(text: str) -> None:
    with pytest.raises(InvalidValue) as error:
        check_intake_file(text)
    assert error.value.code == Code.INTAKE_FILE


def test_one_network_or_a_list_is_trusted() -> None:
    assert [str(network) for network in parse_trusted("127.0.0.1")] == ["127.0.0.1/32"]
    assert [str(network) for network in parse_trusted(["10.0.0.0/8", "::1"])] == ["10.0.0.0/8", "::1/128"]


@pytest.mark.parametrize("value", [None, [], 12, "home", "10.0.0.1/8"])
def test_other_values_are_trusted_by_nobody(value: object) -> None:
    with pytest.raises(InvalidValue) as error:
        parse_trusted(value)
    assert error.value.code == Code.GATEWAY_VALUE


@pytest.mark.parametrize("text", ["", "a b", "a\n", "\x1b"])
def test_what_another_program_is_told_is_one_word(text: str) -> None:
    with pytest.raises(InvalidValue):
        check_service_text(text)


def test_an_adapter_without_settings_takes_none() -> None:
    assert check_no_settings({}) == {}
    with pytest.raises(InvalidValue):
        check_no_settings({"a": 1})
