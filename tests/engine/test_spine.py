"""The way of the desired state through a run, followed in the source: few files and short parameter lists.

What is followed is the whole desired state: the parameter `desired`, every name that it is given to, and every object
that holds it (an instance of a class with a field that holds it). It is followed into functions, methods and the
methods of callbacks that the source names. It ends at `context.planner`, which the caller of a run chooses: from there
on a plan is a pure function of one argument.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PACKAGE: Final = ROOT / "reconciler"
MAX_FILES: Final = 13
MAX_PARAMETERS: Final = 7
OPTION_MODULES: Final = re.compile("cli/(app|[a-z]+_commands).py")  # typer declares an option by a parameter
MAX_RUN_PARAMETERS: Final = 4
CHOSEN_BY_CALLER: Final = {"Planner"}  # classes whose methods a caller replaces

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """A module of the package, with the meaning of its names."""

    name: str
    file: str
    functions: dict[str, ast.FunctionDef]
    classes: dict[str, ast.ClassDef]
    imports: dict[str, tuple[str, str]]  # a name -> the module and the name that it was imported by


@dataclass(frozen=True)
class Definition:
    """A function or a class, where it is defined; for a method, with its class."""

    module: Module
    node: ast.FunctionDef | ast.ClassDef
    owner: ast.ClassDef | None = None

    @property
    def key(self) -> str:
        """The name of the definition, unique in the package."""
        return ":".join([self.module.name, *([self.owner.name] if self.owner else []), self.node.name])


@cache
def modules() -> dict[str, Module]:
    """Every module of the package, by its dotted name."""
    modules_by_name = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        tree = parse(path)
        imports = {
            alias.asname or alias.name: (node.module, alias.name)
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("reconciler")
            for alias in node.names
        }
        functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
        classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
        modules_by_name[name] = Module(name, str(path.relative_to(ROOT)), functions, classes, imports)
    return modules_by_name


def find_definition(module: Module, name: str) -> Definition | None:
    """Return the function or class of the package that a name means in a module, through all imports."""
    while True:
        node = module.functions.get(name) or module.classes.get(name)
        if node:
            return Definition(module, node)
        if name not in module.imports or module.imports[name][0] not in modules():
            return None
        target, name = module.imports[name]
        module = modules()[target]


def find_method(cls: Definition, name: str) -> Definition | None:
    """Return a method of a class or of one of its bases in the package."""
    assert isinstance(cls.node, ast.ClassDef)
    for node in cls.node.body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return Definition(cls.module, node, cls.node)
    for base in cls.node.bases:
        definition = find_definition(cls.module, base.id) if isinstance(base, ast.Name) else None
        method = find_method(definition, name) if definition and isinstance(definition.node, ast.ClassDef) else None
        if method:
            return method
    return None


def find_classes(module: Module, annotation: ast.expr | None) -> list[Definition]:
    """Return the classes of the package that an annotation mentions."""
    classes = []
    for node in ast.walk(annotation) if annotation else ():
        if isinstance(node, ast.Name) and (definition := find_definition(module, node.id)):
            classes += [definition] if isinstance(definition.node, ast.ClassDef) else []
    return classes


def fields_of(cls: Definition) -> dict[str, ast.expr]:
    """Return the annotations of the fields of a class."""
    assert isinstance(cls.node, ast.ClassDef)
    return {
        node.target.id: node.annotation
        for node in cls.node.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }


@cache
def holders() -> frozenset[str]:
    """Return the keys of the classes that hold a whole desired state, directly or through the class of a field."""
    held = {"reconciler.model.desired:DesiredState"}
    every = [Definition(module, node) for module in modules().values() for node in module.classes.values()]
    while (
        more := {
            cls.key
            for cls in every
            if any(f.key in held for note in fields_of(cls).values() for f in find_classes(cls.module, note))
        }
        - held
    ):
        held |= more
    return frozenset(held)


@dataclass
class Walk:
    """Follows the desired state; `stays` are the files in the order in which it enters them."""

    stays: list[str] = field(default_factory=list)
    entered: set[str] = field(default_factory=set)

    def enter(self, function: Definition, carriers: dict[str, Definition | None]) -> None:
        """Follow the names that carry the desired state (with their classes) through a function."""
        key = f"{function.key}({','.join(sorted(carriers))})"
        if key in self.entered:
            return
        self.entered.add(key)
        self._stay(function.module.file)
        assert isinstance(function.node, ast.FunctionDef)
        body = Body(self, function, dict(carriers))
        for statement in function.node.body:
            body.walk(statement)

    def _stay(self, file: str) -> None:
        if not self.stays or self.stays[-1] != file:
            self.stays.append(file)


@dataclass
class Body:
    """The body of one function: which of its names carry the desired state, and what they are passed to."""

    route: Walk
    function: Definition
    carriers: dict[str, Definition | None]

    def walk(self, statement: ast.stmt) -> None:
        """Follow one statement: first its calls, then the names that it binds, then what it contains."""
        for expression in _own_expressions(statement):
            for node in ast.walk(expression):
                if isinstance(node, ast.Call):
                    self._follow_call(node)
        for name, value in _bindings(statement):
            self._bind(name, value)
        for inner in _inner_statements(statement):
            self.walk(inner)
        if self.route.stays[-1] != self.function.module.file:  # back from the functions that were called
            self.route.stays.append(self.function.module.file)

    def _bind(self, name: str, value: ast.expr) -> None:
        carried = self._carrier(value)
        if carried is not None:
            self.carriers[name] = carried
        elif name in self.carriers:
            del self.carriers[name]

    def _carrier(self, value: ast.expr) -> Definition | None:
        """Return the class of an expression that carries the desired state; None for all others."""
        match value:
            case ast.Name(id=name):
                return self.carriers.get(name)
            case ast.Attribute(value=base, attr=attr):
                cls = self._carrier(base)
                return self._type_of(cls, fields_of(cls).get(attr) or _returned(cls, attr)) if cls else None
            case ast.IfExp(body=body, orelse=orelse):
                return self._carrier(body) or self._carrier(orelse)
            case ast.BoolOp(values=values):
                return next((cls for cls in map(self._carrier, values) if cls), None)
            case ast.Call(func=ast.Name(id="replace"), args=[first, *_]):
                return self._carrier(first)
            case ast.Call():
                callee = self._find_callee(value)
                if callee and isinstance(callee.node, ast.ClassDef):
                    return callee if callee.key in holders() and self._passes_carrier(value) else None
                if callee and isinstance(callee.node, ast.FunctionDef):
                    return self._type_of(callee, callee.node.returns)
        return None

    def _type_of(self, definition: Definition, annotation: ast.expr | None) -> Definition | None:
        return next((cls for cls in find_classes(definition.module, annotation) if cls.key in holders()), None)

    def _find_callee(self, call: ast.Call) -> Definition | None:
        match call.func:
            case ast.Name(id=name):
                return find_definition(self.function.module, name)
            case ast.Attribute(value=ast.Name(id=name), attr=attr) if name not in self.carriers and (
                cls := find_definition(self.function.module, name)
            ):
                return find_method(cls, attr) if isinstance(cls.node, ast.ClassDef) else None
            case ast.Attribute(value=base, attr=attr):
                owner = self._carrier(base) or self._class_of(base)
                return find_method(owner, attr) if owner else None
        return None

    def _class_of(self, value: ast.expr) -> Definition | None:
        """Return the class of an expression that carries nothing, by the annotations of parameters and fields."""
        match value:
            case ast.Name(id="self") if self.function.owner:
                return Definition(self.function.module, self.function.owner)
            case ast.Name(id=name):
                assert isinstance(self.function.node, ast.FunctionDef)
                notes = {arg.arg: arg.annotation for arg in _parameters(self.function.node)}
                return next(iter(find_classes(self.function.module, notes.get(name))), None)
            case ast.Attribute(value=base, attr=attr):
                cls = self._carrier(base) or self._class_of(base)
                return next(iter(find_classes(cls.module, fields_of(cls).get(attr))), None) if cls else None
        return None

    def _arguments(self, call: ast.Call) -> Iterator[tuple[int | str, Definition]]:
        """Yield the arguments that carry the desired state: the position or keyword, and the class."""
        for position, argument in enumerate(call.args):
            if cls := self._carrier(argument) or self._carrier_of_callback(argument):
                yield position, cls
        for keyword in call.keywords:
            if keyword.arg and (cls := self._carrier(keyword.value) or self._carrier_of_callback(keyword.value)):
                yield keyword.arg, cls

    def _carrier_of_callback(self, value: ast.expr) -> Definition | None:
        """Return the class of the object whose method is passed on; the method is followed here."""
        cls = self._carrier(value.value) if isinstance(value, ast.Attribute) else None
        method = find_method(cls, value.attr) if cls and isinstance(value, ast.Attribute) else None
        if method is None or _is_property(method):
            return None
        self.route.enter(method, {"self": cls})
        return cls

    def _passes_carrier(self, call: ast.Call) -> bool:
        return any(True for _ in self._arguments(call))

    def _follow_call(self, call: ast.Call) -> None:
        callee = self._find_callee(call)
        if callee is None or (callee.owner and callee.owner.name in CHOSEN_BY_CALLER):
            return
        if isinstance(callee.node, ast.ClassDef):
            callee = find_method(callee, "__init__")  # a dataclass has none: it only holds what it is given
            if callee is None:
                list(self._arguments(call))
                return
        assert isinstance(callee.node, ast.FunctionDef)
        names = [argument.arg for argument in _parameters(callee.node)]
        carriers: dict[str, Definition | None] = {}
        if callee.owner and names and names[0] in ("self", "cls"):
            receiver = call.func.value if isinstance(call.func, ast.Attribute) else None
            cls = self._carrier(receiver) if receiver else None
            carriers = {names[0]: cls} if cls else {}
            names = names[1:]
        for where, cls in self._arguments(call):
            name = names[where] if isinstance(where, int) and where < len(names) else where
            if isinstance(name, str) and name in names:
                carriers[name] = cls
        if carriers:
            self.route.enter(callee, carriers)


def _bindings(statement: ast.stmt) -> Iterator[tuple[str, ast.expr]]:
    """Yield the names that a statement binds, with their values."""
    pairs: list[tuple[ast.expr | None, ast.expr | None]] = []
    match statement:
        case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
            pairs = list(zip(names, values, strict=False))
        case ast.Assign(targets=[target], value=value):
            pairs = [(target, value)]
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            pairs = [(target, value)]
        case ast.With(items=items):
            pairs = [(item.optional_vars, item.context_expr) for item in items]
    for bound, given in pairs:
        if isinstance(bound, ast.Name) and given:
            yield bound.id, given


def _inner_statements(statement: ast.stmt) -> Iterator[ast.stmt]:
    for child in ast.iter_child_nodes(statement):
        if isinstance(child, ast.stmt):
            yield child
        elif isinstance(child, ast.ExceptHandler | ast.match_case):
            yield from child.body


def _own_expressions(statement: ast.stmt) -> Iterator[ast.expr]:
    for child in ast.iter_child_nodes(statement):
        if isinstance(child, ast.expr):
            yield child
        elif isinstance(child, ast.withitem):
            yield child.context_expr


def _parameters(node: ast.FunctionDef) -> list[ast.arg]:
    return [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]


def _is_property(method: Definition) -> bool:
    assert isinstance(method.node, ast.FunctionDef)
    return any(isinstance(d, ast.Name) and d.id in ("property", "cached_property") for d in method.node.decorator_list)


def _returned(cls: Definition, attribute: str) -> ast.expr | None:
    """Return the annotation of what a property returns."""
    method = find_method(cls, attribute)
    return method.node.returns if method and isinstance(method.node, ast.FunctionDef) and _is_property(method) else None


def follow_desired() -> list[str]:
    """Return the files that the desired state enters, in order, with every return to one."""
    run_once = find_definition(modules()["reconciler.engine.run"], "run_once")
    state = find_definition(modules()["reconciler.model.desired"], "DesiredState")
    assert run_once
    walk = Walk()
    walk.enter(run_once, {"desired": state})
    return walk.stays


def test_the_desired_state_crosses_few_files() -> None:
    files = list(dict.fromkeys(follow_desired()))
    assert {"reconciler/engine/run.py", "reconciler/engine/observe.py", "reconciler/plan/planner.py"} <= set(files)
    assert len(files) <= MAX_FILES, files


def count_parameters(node: FunctionNode) -> int:
    """Count the parameters that a caller gives."""
    names = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
    return len([name for name in names if name not in ("self", "cls")])


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def test_no_function_has_more_than_seven_parameters() -> None:
    long = {
        f"{path.relative_to(ROOT)}: {node.name}": count_parameters(node)
        for path in PACKAGE.rglob("*.py")
        if not OPTION_MODULES.fullmatch(path.relative_to(PACKAGE).as_posix())
        for node in ast.walk(parse(path))
        if isinstance(node, FunctionNode) and count_parameters(node) > MAX_PARAMETERS
    }
    assert long == {}


def test_a_run_takes_four_parameters_at_most() -> None:
    nodes = parse(PACKAGE / "engine" / "run.py").body
    (run_once,) = (node for node in nodes if isinstance(node, FunctionNode) and node.name == "run_once")
    assert count_parameters(run_once) <= MAX_RUN_PARAMETERS
