"""Values that must never be shown."""

from __future__ import annotations

from dataclasses import field

from reconciler.model.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Secret:
    """A password or key. It is printed as `***`; only `reveal()` returns the value."""

    _value: str = field(repr=False)

    def reveal(self) -> str:
        """Return the secret itself, to send it."""
        return self._value

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__
