"""Secrets are never printed."""

from __future__ import annotations

import pytest

from reconciler.model.secret import Secret


@pytest.mark.parametrize("text", [str(Secret("hunter2")), repr(Secret("hunter2")), f"{Secret('hunter2')}"])
def test_the_text_of_a_secret_is_three_asterisks(text: str) -> None:
    assert text == "***"


def test_a_collection_does_not_print_its_secrets() -> None:
    assert str({"password": Secret("hunter2"), "keys": [Secret("")]}) == "{'password': ***, 'keys': [***]}"


def test_only_reveal_returns_the_value() -> None:
    assert Secret("hunter2").reveal() == "hunter2"


def test_secrets_are_equal_by_their_values() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
