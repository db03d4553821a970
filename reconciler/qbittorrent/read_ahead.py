"""Reads in parts, of which one is on its way while the caller works on the one before.

See docs/decisions/0172-thousands-of-torrents-are-read-back-in-parts.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

P = TypeVar("P")
T = TypeVar("T")


def read_ahead(parts: Sequence[P], read: Callable[[P], T]) -> Iterator[T]:
    """Yield `read(part)` for each part, in order. The next part is read in a thread, and never two at a time.

    Raises what `read` raises. A part that is being read when the caller ends is waited for.
    """
    if len(parts) < 2:
        yield from map(read, parts)
        return
    with ThreadPoolExecutor(1, thread_name_prefix="reading") as pool:
        reading = pool.submit(read, parts[0])
        for part in parts[1:]:
            reply = reading.result()
            reading = pool.submit(read, part)
            yield reply
        yield reading.result()
