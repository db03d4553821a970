"""Frozen dataclasses whose methods are generated at first use.

The decorator has the name, the parameters and the effect of `dataclasses.dataclass`, which compiles six methods when a
class is defined: half a millisecond for each of the 200 frozen classes that a run loads. It makes objects of a third of
them. See docs/decisions/0170-methods-of-frozen-dataclasses-are-generated-at-first-use.md.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import MISSING, FrozenInstanceError, fields, make_dataclass
from types import MemberDescriptorType
from typing import TYPE_CHECKING, Any, Final, Literal, NoReturn

_Method = Callable[..., Any]

_COMPARING: Final = ("__eq__", "__hash__", "__repr__")
_ORDERING: Final = ("__lt__", "__le__", "__gt__", "__ge__")
_MIN_DRAFT_FIELDS: Final = 8  # of a class whose objects are filled as drafts: for fewer, a second class does not pay

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(
        *, frozen: Literal[True], slots: bool = False, kw_only: bool = False, order: bool = False
    ) -> Callable[[type[Any]], type[Any]]:
        """Like the decorator of `dataclasses`. Other parameters than these need that one.

        A subclass of a class with many fields needs a decorator too, or slots.
        """

        def decorate(cls: type[Any]) -> type[Any]:
            written = {name for name, value in vars(cls).items() if value is not None}
            made = dataclasses.dataclass(init=False, repr=False, eq=False, kw_only=kw_only, slots=slots)(cls)
            made.__setattr__, made.__delattr__ = _refuse_assignment, _refuse_deletion
            if slots:  # an object with a dictionary can be copied without
                made.__getstate__, made.__setstate__ = _get_state, _set_state
            for name in {"__init__", *_COMPARING, *(_ORDERING if order else ())} - written:
                setattr(made, name, _defer_method(made, name, written))
            return made

        return decorate


def _defer_method(cls: type[Any], name: str, written: set[str]) -> _Method:
    """Return a method that replaces itself with the generated one, and calls that."""

    def generate_and_call(self: Any, *arguments: Any, **keywords: Any) -> Any:
        methods = {"__init__": _compile_init(cls)} if name == "__init__" else _generate_comparing_methods(cls)
        for method in methods.keys() - written:
            setattr(cls, method, methods[method])
        return methods[name](self, *arguments, **keywords)

    return generate_and_call


def _compile_init(cls: type[Any]) -> _Method:
    """Return the `__init__` that `dataclasses` would generate, except that it writes into the slots directly.

    To compile it takes a fifth of the time, for it comes without the methods that refuse assignments. To call it takes
    half of the time, and a quarter with many fields: the object is then, while it is filled, one of a class with the
    same slots that permits assignments.
    """
    scope: dict[str, Any] = {"__setattr__": object.__setattr__}
    positional, named, lines = ["self"], ["*"], []
    if draft := _make_draft_class(cls):
        scope |= {"__draft__": draft, "__set_class__": vars(object)["__class__"].__set__}
        lines = ["__frozen__ = self.__class__", "__set_class__(self, __draft__)"]
    for field in fields(cls):
        name = field.name
        default, factory, setter = f"__default_{name}__", f"__make_{name}__", f"__set_{name}__"
        scope |= {default: field.default, factory: field.default_factory}
        if field.init:
            has_default = field.default is not MISSING or field.default_factory is not MISSING
            (named if field.kw_only else positional).append(f"{name}={default}" if has_default else name)
        value = _describe_value(field, default, factory)
        if value is None:
            continue  # `__post_init__` sets it
        if draft:
            lines.append(f"self.{name} = {value}")
        elif isinstance(slot := getattr(cls, name, None), MemberDescriptorType):
            scope[setter] = slot.__set__
            lines.append(f"{setter}(self, {value})")
        else:
            lines.append(f"__setattr__(self, {name!r}, {value})")
    if draft:
        lines.append("self.__class__ = __frozen__")
    if hasattr(cls, "__post_init__"):
        lines.append("self.__post_init__()")
    parameters = positional + (named if len(named) > 1 else [])
    exec(f"def __init__({', '.join(parameters)}):\n    " + "\n    ".join(lines or ["pass"]), scope)
    method: _Method = scope["__init__"]
    method.__qualname__ = f"{cls.__qualname__}.__init__"
    return method


def _describe_value(field: dataclasses.Field[Any], default: str, factory: str) -> str | None:
    """Return the expression for the value of a field, from the names of its default and its factory; None: no value."""
    has_factory = field.default_factory is not MISSING
    if field.init:
        return f"{factory}() if {field.name} is {default} else {field.name}" if has_factory else field.name
    if has_factory:
        return f"{factory}()"
    return None if field.default is MISSING else default


def _make_draft_class(cls: type[Any]) -> type[Any] | None:
    """Return a class with the slots of a class, whose objects permit assignments; None for a class with few of them."""
    slots = [getattr(cls, field.name, None) for field in fields(cls)]
    is_slotted = "__slots__" in vars(cls) and all(isinstance(slot, MemberDescriptorType) for slot in slots)
    if len(slots) < _MIN_DRAFT_FIELDS or not is_slotted:
        return None
    permitting = {"__setattr__": object.__setattr__, "__delattr__": object.__delattr__}
    return type(cls.__name__, cls.__bases__, {"__slots__": cls.__slots__, **permitting})


def _generate_comparing_methods(cls: type[Any]) -> dict[str, _Method]:
    declared = [(field.name, field.type, field) for field in fields(cls)]
    documented = {"__doc__": cls.__doc__}  # `make_dataclass` would write one, which takes as long as all the rest
    names = _COMPARING + tuple(name for name in _ORDERING if name in vars(cls))
    order = len(names) > len(_COMPARING)
    twin = make_dataclass(cls.__name__, declared, namespace=documented, init=False, unsafe_hash=True, order=order)
    return {name: vars(twin)[name] for name in names}


def _get_state(self: Any) -> list[Any]:
    return [getattr(self, field.name) for field in fields(self)]


def _set_state(self: Any, state: list[Any]) -> None:
    for field, value in zip(fields(self), state, strict=True):
        object.__setattr__(self, field.name, value)


def _refuse_assignment(self: Any, name: str, value: Any) -> NoReturn:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_deletion(self: Any, name: str) -> NoReturn:
    raise FrozenInstanceError(f"cannot delete field {name!r}")
