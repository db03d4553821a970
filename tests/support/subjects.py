"""The state of all that a condition looks at, for the message of a test that waited in vain."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from types import FunctionType, MethodType
from typing import Any, Final

_MAX_DEPTH: Final = 4


def describe_subjects(condition: Callable[[], Any]) -> str:
    """Return the condition and what its servers, proxies and commands say of themselves in `describe_state`."""
    seen: set[int] = set()
    return "\n".join(_describe_value("condition", condition, seen, 0))


def _describe_value(name: str, value: Any, seen: set[int], depth: int) -> Iterator[str]:
    if depth > _MAX_DEPTH or id(value) in seen:
        return
    seen.add(id(value))
    if hasattr(value, "describe_state"):
        yield f"{name}:\n{_describe_safely(value)}"
        return
    if isinstance(value, FunctionType):
        yield f"{name}: {_read_source(value)}"
    elif isinstance(value, str | int | float):
        yield f"{name}: {value!r}"
    for inner_name, inner_value in _list_parts(name, value).items():
        yield from _describe_value(inner_name, inner_value, seen, depth + 1)


def _list_parts(name: str, value: Any) -> Mapping[str, Any]:
    """Return the values that a function, a method, a dictionary or an object of the tests refers to."""
    if isinstance(value, FunctionType):
        return inspect.getclosurevars(value).nonlocals
    if isinstance(value, MethodType):
        return {f"{name} of": value.__self__}
    if isinstance(value, dict):
        return {f"{name}[{key!r}]": item for key, item in value.items()}
    if type(value).__module__.startswith("tests."):
        return {f"{name}.{key}": item for key, item in vars(value).items()}
    return {}


def _describe_safely(value: Any) -> str:
    try:
        return str(value.describe_state())
    except Exception as error:  # a server that is gone
        return f"it does not say: {type(error).__name__}: {error}"


def _read_source(function: FunctionType) -> str:
    try:
        return inspect.getsource(function).strip()
    except (OSError, TypeError):
        return function.__qualname__
