"""The description of one key, and the default values that it takes from the model."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Final

from reconciler.model.lazy_dataclass import dataclass

NO_DEFAULT: Final = object()


@dataclass(frozen=True, slots=True)
class KeyDescription:
    """The meaning of a key. `default`: the value that holds without the key, as it would be written."""

    text: str
    examples: tuple[Any, ...] = ()
    default: Any = NO_DEFAULT


def default_of(model: type, field: str) -> Any:
    """Return the default of a field of the model, or of a slot of several."""
    return next(candidate.default for candidate in fields(model) if candidate.name == field)


SECRET_TEXT: Final = "{env: NAME}, {file: PATH}, or text, with a warning"
