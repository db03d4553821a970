"""One function call in a child process, on another core, while this process does something else."""

from __future__ import annotations

import copyreg
import os
import pickle
import threading
from collections.abc import Callable
from dataclasses import fields
from operator import attrgetter
from types import MappingProxyType
from typing import Any, TypeVar

from reconciler.model.desired import DesiredTorrent
from reconciler.model.infohash import InfoHashes
from reconciler.model.magnet import Magnet
from reconciler.model.position import Position

T = TypeVar("T")


def call_in_child(function: Callable[[], T]) -> Callable[[], T]:
    """Start a call whose result can be pickled. Return a function that waits for the result.

    That function makes the call itself if there is no other core, or if the call has failed in the child: its error is
    then raised here.
    """
    if (os.cpu_count() or 1) < 2 or threading.active_count() > 1:  # a fork copies no other thread, but its locks
        return function
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _send_result(function, writing)
    os.close(writing)

    def wait_for_result() -> T:
        with os.fdopen(reading, "rb") as stream:
            data = stream.read()
        _, status = os.waitpid(child, 0)
        if status != 0:
            return function()
        result: T = pickle.loads(data)
        return result

    return wait_for_result


def _send_result(function: Callable[[], object], writing: int) -> None:
    """Call the function, send the result, and end this process without any of its handlers."""
    code = 1
    try:
        _register_reducers()
        data = pickle.dumps(function(), pickle.HIGHEST_PROTOCOL)
        with os.fdopen(writing, "wb") as stream:
            stream.write(data)
        code = 0
    finally:
        os._exit(code)


def _register_reducers() -> None:
    """Pickle what is many by its constructor, which is several times faster than by its state."""
    copyreg.pickle(MappingProxyType, _reduce_mapping)
    for cls in (DesiredTorrent, InfoHashes, Magnet, Position):
        copyreg.pickle(cls, _make_reducer(cls))


def _reduce_mapping(mapping: MappingProxyType[Any, Any]) -> tuple[Callable[..., Any], tuple[object, ...]]:
    return _freeze_mapping, (dict(mapping),)


def _freeze_mapping(mapping: dict[Any, Any]) -> MappingProxyType[Any, Any]:
    return MappingProxyType(mapping)


def _make_reducer(cls: type) -> Callable[[Any], tuple[type, tuple[object, ...]]]:
    get_values = attrgetter(*(field.name for field in fields(cls)))
    return lambda value: (cls, get_values(value))
