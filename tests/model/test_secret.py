"""Secrets are never printed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import Field, fields, is_dataclass
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Final

import pytest

from reconciler import model
from reconciler.model.desired import Instance
from reconciler.model.gateway import Registration
from reconciler.model.health import GluetunCheck, HttpCheck
from reconciler.model.history import AddKey
from reconciler.model.intake import HandedIn
from reconciler.model.position import Position
from reconciler.model.rows import InstanceRows, Reply
from reconciler.model.secret import Secret
from reconciler.model.server_log import LogEntry

HIDDEN_NAMES: Final = re.compile(
    r"(.*_)?(urls?|uri|links?|trackers|web_seeds|location|magnet|keys|rows|body|password|token|headers)|api_key|_value"
)
WITHOUT_SECRETS: Final = {  # (class, field): the reason why it may be shown
    ("ContentResult", "magnet"): "its trackers with passkeys were left out",
    ("InstanceDiagnosis", "url"): "it was redacted",
    ("InstanceStatus", "url"): "it was redacted",
}


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


@pytest.mark.parametrize(
    "value",
    [
        HandedIn("https://site.example/a.torrent?passkey=hunter2"),
        HandedIn(keys={"trackers": ["https://t.example/hunter2/announce"]}),
        Instance("box", Position("desired.yaml", 1, 1), "https://proxy.example/hunter2"),
        HttpCheck("https://h.example/?token=hunter2"),
        GluetunCheck("https://h.example/?token=hunter2"),
        Registration("https://h.example/hunter2", "127.0.0.1", 80),
        AddKey("home", "box", "https://proxy.example/hunter2"),
        InstanceRows("box", {"a": {"tracker": "https://t.example/hunter2/announce"}}),
        Reply(200, b'[{"url": "https://t.example/hunter2/announce"}]'),
        LogEntry(1, True, "tracker https://t.example/hunter2/announce"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_text_of_an_object_shows_no_secret_and_no_passkey(value: object) -> None:
    assert "hunter2" not in repr(value)


def _iter_fields() -> Iterator[tuple[str, Field[Any]]]:
    """Return every field of every dataclass of the model, with the name of its class."""
    for info in iter_modules(model.__path__, f"{model.__name__}."):
        for name, value in vars(import_module(info.name)).items():
            if is_dataclass(value) and value.__module__ == info.name:
                yield from ((name, field) for field in fields(value))


def test_every_field_whose_name_promises_a_secret_is_hidden() -> None:
    """A new field is either hidden, or a `Secret`, or no text, or has a reason above."""
    suspects = {(name, field.name): field for name, field in _iter_fields() if HIDDEN_NAMES.fullmatch(field.name)}
    shown = {
        key for key, field in suspects.items() if field.repr and not re.search(r"\b(Secret|bool)\b", str(field.type))
    }
    assert len(suspects) > 20 and shown == WITHOUT_SECRETS.keys()
