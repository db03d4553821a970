"""Frozen dataclasses whose methods are generated at first use.

The decorator has the name, the parameters and the effect of `dataclasses.dataclass`, which compiles six methods when a
class is defined: half a millisecond for each of the 200 frozen classes that a run loads. It makes objects of a third of
them. See docs/decisions/0170-methods-of-frozen-dataclasses-are-generated-at-first-use.md.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import FrozenInstanceError, fields, make_dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, NoReturn

_Method = Callable[..., Any]

# Methods that are generated together, and the parameters of `dataclasses.dataclass` that generate them
_GROUPS: Final[Sequence[tuple[Sequence[str], dict[str, Any]]]] = (
    (("__init__", "__getstate__", "__setstate__"), {"frozen": True, "slots": True, "repr": False, "eq": False}),
    (("__eq__", "__hash__", "__repr__"), {"init": False, "unsafe_hash": True}),
)

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(
        *, frozen: Literal[True], slots: bool = False, kw_only: bool = False
    ) -> Callable[[type[Any]], type[Any]]:
        """Like the decorator of `dataclasses`. Other parameters than these need that one."""

        def decorate(cls: type[Any]) -> type[Any]:
            written = {name for name, value in vars(cls).items() if value is not None}
            if not slots:
                written.update(("__getstate__", "__setstate__"))  # an object with a dictionary needs none
            made = dataclasses.dataclass(init=False, repr=False, eq=False, kw_only=kw_only, slots=slots)(cls)
            made.__setattr__, made.__delattr__ = _refuse_assignment, _refuse_deletion
            for names, parameters in _GROUPS:
                missing = [name for name in names if name not in written]
                for name in missing:
                    setattr(made, name, _defer_method(made, name, missing, parameters))
            return made

        return decorate


def _defer_method(cls: type[Any], name: str, names: Sequence[str], parameters: dict[str, Any]) -> _Method:
    """Return a method that replaces itself, and the others of its group, with the generated ones, and calls its own."""

    def generate_and_call(self: Any, *arguments: Any, **keywords: Any) -> Any:
        hooks = {"__post_init__": cls.__post_init__} if hasattr(cls, "__post_init__") else {}
        declared = [(field.name, field.type, field) for field in fields(cls)]
        twin = make_dataclass(cls.__name__, declared, namespace=hooks, **parameters)
        for method in names:
            setattr(cls, method, vars(twin)[method])
        return getattr(cls, name)(self, *arguments, **keywords)

    return generate_and_call


def _refuse_assignment(self: Any, name: str, value: Any) -> NoReturn:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_deletion(self: Any, name: str) -> NoReturn:
    raise FrozenInstanceError(f"cannot delete field {name!r}")
