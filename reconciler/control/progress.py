"""How those who wait for a run are told how far it is."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Told how far each instance is, from several threads."""

    def started(self, instance: str, total: int) -> None:
        """`total` actions are about to be executed."""

    def advanced(self, instance: str, count: int) -> None:
        """`count` more of them have been dealt with."""

    def finished(self, instance: str) -> None:
        """Nothing more comes for this instance."""


class Silent:
    """A progress that nobody watches."""

    def started(self, instance: str, total: int) -> None:
        """Nothing to show."""

    def advanced(self, instance: str, count: int) -> None:
        """Nothing to show."""

    def finished(self, instance: str) -> None:
        """Nothing to show."""
