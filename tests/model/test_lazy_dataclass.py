"""Frozen dataclasses whose methods are generated at first use are like those of the standard library."""

from __future__ import annotations

import ast
import copy
import dataclasses
import pickle
import re
from collections.abc import Callable
from dataclasses import FrozenInstanceError, field, fields, replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

import reconciler
from reconciler.model.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Box:
    """A class with each kind of field."""

    kind: ClassVar[str] = "box"
    name: str
    tags: tuple[str, ...] = ()
    seen: list[int] = field(default_factory=list, compare=False, repr=False)
    total: int = field(init=False)
    unit: str = field(init=False, default="MiB")
    marks: list[str] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        object.__setattr__(self, "total", len(self.tags))


@dataclass(frozen=True, slots=True)
class LabelledBox(Box):
    """A subclass with another field."""

    label: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class StandardBox:
    """The same as `Box`, by the standard library."""

    kind: ClassVar[str] = "box"
    name: str
    tags: tuple[str, ...] = ()
    seen: list[int] = field(default_factory=list, compare=False, repr=False)
    total: int = field(init=False)
    unit: str = field(init=False, default="MiB")
    marks: list[str] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        object.__setattr__(self, "total", len(self.tags))


@dataclass(frozen=True, slots=True)
class WideBox(Box):
    """A subclass with so many fields that its objects are filled as drafts."""

    width: int = 1
    height: int = 2
    depth: list[int] = field(default_factory=list)
    colour: str = field(default="red", kw_only=True)


@dataclasses.dataclass(frozen=True, slots=True)
class StandardWideBox(StandardBox):
    """The same as `WideBox`, by the standard library."""

    width: int = 1
    height: int = 2
    depth: list[int] = field(default_factory=list)
    colour: str = field(default="red", kw_only=True)


class SlottedWideBox(WideBox):
    """A subclass by hand, without a dictionary."""

    __slots__ = ()


@dataclass(frozen=True)
class OpenLabelledWideBox(WideBox):
    """A subclass without slots of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedOnly:
    """A class whose fields are given by name."""

    width: int
    height: int = 1


@dataclass(frozen=True)
class Open:
    """A class whose objects have a dictionary."""

    width: int


@dataclass(frozen=True, slots=True)
class Masked:
    """A class with methods of its own."""

    text: str

    def __repr__(self) -> str:
        return "Masked(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Masked)


@dataclass(frozen=True, slots=True, order=True)
class Sorted:
    """A class with an order."""

    size: int
    note: str = field(default="", compare=False)


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class StandardSorted:
    """The same as `Sorted`, by the standard library."""

    size: int
    note: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Unused:
    """A class that only the first test uses."""

    text: str


def find_generated(cls: type) -> set[str]:
    return {
        name for name in ("__init__", "__eq__", "__hash__", "__repr__") if "defer" not in vars(cls)[name].__qualname__
    }


def test_methods_are_generated_at_first_use() -> None:
    assert find_generated(Unused) == set()
    unused = Unused("a")
    assert find_generated(Unused) == {"__init__"}
    assert repr(unused) == "Unused(text='a')"
    assert find_generated(Unused) == {"__init__", "__eq__", "__hash__", "__repr__"}


@pytest.mark.parametrize(("box", "standard_box"), [(Box, StandardBox), (WideBox, StandardWideBox)])
@pytest.mark.parametrize(
    "act",
    [
        lambda box: repr(box("a", ("x",))),
        lambda box: type(box("a")).__name__,
        lambda box: box("a") == box("a", seen=[1]),
        lambda box: box("a") != box("b"),
        lambda box: box("a") == "a",
        lambda box: hash(box("a", ("x",))),
        lambda box: (box("a").seen is box("a").seen, box("a").marks is box("a").marks),
        lambda box: box("a", ("x",)).total,
        lambda box: box(),
        lambda box: box("a", (), [], 1),
        lambda box: box("a", (), [], 1, 2, [3], 4),
        lambda box: box("a", nothing=1),
        lambda box: setattr(box("a"), "name", "b"),
        lambda box: delattr(box("a"), "name"),
        lambda box: replace(box("a"), name="b", tags=("x", "y")),
        lambda box: replace(box("a"), total=2),
        lambda box: dataclasses.astuple(box("a", ("x",), [1])),
        lambda box: copy.deepcopy(box("a", ("x",), [1])).seen,
        lambda box: [
            (item.name, item.type, item.default, item.init, item.compare, item.kw_only) for item in fields(box)
        ],
        lambda box: (box.__match_args__, box.__slots__, box.__doc__ is None, box.kind),
        lambda box: hasattr(box("a"), "__dict__"),
    ],
)
def test_a_class_behaves_like_one_of_the_standard_library(
    act: Callable[[Any], object], box: type, standard_box: type
) -> None:
    assert _describe(act, box) == _describe(act, standard_box)


def _describe(act: Callable[[Any], object], box: type) -> tuple[str, str]:
    try:
        result = repr(act(box))
    except (TypeError, ValueError, FrozenInstanceError) as error:
        return type(error).__name__, str(error).replace("Standard", "")
    return "", result.replace("Standard", "")


@pytest.mark.parametrize(
    "act",
    [
        lambda box: [box(1) < box(2), box(2) < box(1), box(1, "a") < box(1, "b")],
        lambda box: [box(1) <= box(2), box(1, "b") <= box(1, "a"), box(1) > box(2), box(2) >= box(1)],
        lambda box: sorted([box(2), box(1, "b"), box(1, "a")]),
        lambda box: box(1) < 2,
        lambda box: (hash(box(1, "a")) == hash(box(1, "b")), box(1) == box(1), box(1) == (1,)),
    ],
)
def test_a_class_with_an_order_behaves_like_one_of_the_standard_library(act: Callable[[Any], object]) -> None:
    assert _describe(act, Sorted) == _describe(act, StandardSorted)


def test_a_subclass_has_the_fields_of_both() -> None:
    box = LabelledBox("a", ("x",), label="new")
    assert repr(box) == "LabelledBox(name='a', tags=('x',), total=1, unit='MiB', marks=[], label='new')"
    assert box != Box("a", ("x",))
    assert box == replace(LabelledBox("b", ("x",), label="new"), name="a")


@pytest.mark.parametrize("box", [WideBox, SlottedWideBox, OpenLabelledWideBox])
def test_an_object_that_was_filled_as_a_draft_is_one_of_its_own_class(box: type[WideBox]) -> None:
    made = box("a", ("x",), width=3)
    assert type(made) is box
    assert (made.name, made.tags, made.total, made.width, made.height, made.depth) == ("a", ("x",), 1, 3, 2, [])
    with pytest.raises(FrozenInstanceError):
        made.width = 2  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        del made.width


def test_fields_can_be_given_by_name_only() -> None:
    assert NamedOnly(width=2) == NamedOnly(height=1, width=2)
    with pytest.raises(TypeError, match="positional"):
        NamedOnly(2)  # type: ignore[call-arg]


def test_an_object_without_slots_keeps_what_it_has_cached() -> None:
    box = Open(1)
    box.__dict__["cached"] = 2
    assert vars(copy.copy(box)) == {"width": 1, "cached": 2}
    with pytest.raises(FrozenInstanceError):
        box.width = 2  # type: ignore[misc]


def test_methods_of_the_class_itself_stay() -> None:
    assert repr(Masked("secret")) == "Masked(…)"
    assert Masked("a") == Masked("b")
    assert hash(Masked("a")) == hash(Masked("a"))


def test_an_object_can_be_pickled() -> None:
    box = Box("a", ("x",), [1])
    loaded = pickle.loads(pickle.dumps(box))
    assert (loaded, loaded.seen, loaded.total) == (box, [1], 1)


def test_frozen_classes_of_the_package_use_it() -> None:
    """Each one that does not costs every command half a millisecond."""
    eager = {
        path.name
        for path in Path(reconciler.__file__).parent.rglob("*.py")
        if re.search(r"^ *@dataclass\(frozen=True", text := path.read_text(), re.MULTILINE)
        and "import dataclass\n" not in text.partition("from reconciler.model.lazy_dataclass ")[2]
    }
    assert eager == set()


def test_dataclasses_of_the_package_have_a_docstring() -> None:
    """Otherwise `dataclasses` writes the signature of the class there, which takes several milliseconds."""
    without = {
        f"{path.name}: {node.name}"
        for path in Path(reconciler.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.ClassDef)
        and any("dataclass" in ast.unparse(decorator) for decorator in node.decorator_list)
        and not ast.get_docstring(node)
    }
    assert without == set()
