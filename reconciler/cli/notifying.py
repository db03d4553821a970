"""Where a watch sends its notifications."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.cli.settings import Failure, RunSettings
from reconciler.model.secret import Secret

if TYPE_CHECKING:
    from reconciler.control.notify import Notifier


def notifiers(options: RunSettings, interval: float) -> list[Notifier]:
    """The observer that notifies, or none where nobody asked for it. Raises `Failure` for an address of no use."""
    given = [("--notify", url) for url in options.notify]
    if options.notify_file:
        given += [("--notify-file", url) for url in _listed(options.notify_file)]
    if not given:
        return []
    from reconciler.control.notify import BadAddress, Notifier, address
    from reconciler.report.letters import letter

    addresses = []
    for option, url in given:
        try:
            addresses.append(address(url))
        except BadAddress as error:
            raise Failure(f"{option}: {error}", 4) from None
    return [Notifier(addresses, letter, interval)]


def _listed(path: Path) -> list[Secret]:
    """The addresses in a file: one a line, empty lines and those that begin with # left out."""
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except OSError as error:
        raise Failure(f"--notify-file: {path}: {error.strerror or error}", 4) from error
    except UnicodeDecodeError:
        raise Failure(f"--notify-file: {path} is not UTF-8 text", 4) from None
    found = [Secret(line) for line in lines if line and not line.startswith("#")]
    if not found:
        raise Failure(f"--notify-file: {path} holds no address", 4)
    return found
