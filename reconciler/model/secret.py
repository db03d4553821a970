"""Values that must never be shown."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Secret:
    """A password or key. It shows as `***` wherever it is printed; only `reveal()` gives the value."""

    _value: str = field(repr=False)

    def reveal(self) -> str:
        """The secret itself, for the one place that sends it to an instance."""
        return self._value

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__
