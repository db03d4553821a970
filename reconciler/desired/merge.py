"""Checks several documents against each other: keys that may appear only once, and keys that must appear.

Works on the plain data, so that a clash is found even where other values of the same entries are invalid.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from reconciler.desired.context import LoadContext
from reconciler.desired.yaml.document import YamlDocument
from reconciler.model.codes import Code
from reconciler.model.position import Position

UNIQUE_KEYS: Final = (
    "owner",
    "policy",
    "delete_files",
    "quarantine",
    "stuck_after",
    "prune_categories",
    "guard",
    "suspend",
    "accept_plan",
    "intake",
    "gateway",
)
NAMED_SECTIONS: Final = {"instances": "instance ", "groups": "group ", "categories": "category "}


def find_clashes(documents: Sequence[YamlDocument], context: LoadContext) -> None:
    """Report every key and every name that two documents define, and a missing policy or instance."""
    first_positions: dict[tuple[str, ...], Position] = {}
    for document in documents:
        for loc, position in _iter_unique_locs(document):
            first = first_positions.setdefault(loc, position)
            if first is not position and document.file == context.intake_file:
                warn_of_shadowed(f'category "{loc[-1]}"', position, first, context)
            elif first is not position:
                kind = NAMED_SECTIONS[loc[-2]] if len(loc) > 1 else ""
                context.add_problem(
                    position,
                    Code.DEFINED_TWICE,
                    f'{kind}"{loc[-1]}" is already defined at {first}',
                    "Keep one of the two",
                )
    if not (documents and context.is_complete):
        return
    start = documents[0].find_position()
    if ("policy",) not in first_positions:
        context.add_problem(
            start,
            Code.NO_POLICY,
            'no document sets the "policy", and there is no default',
            'Add "policy: create-only" (only add), "policy: upsert" (also change) or "policy: sync" (also delete)',
        )
    if not list_instance_names(documents):
        context.add_problem(
            start, Code.NO_INSTANCE, "no instance is declared", 'Add "instances:" with a name and a url'
        )


def warn_of_shadowed(subject: str, position: Position, first: Position, context: LoadContext) -> None:
    """Warn of something in the intake that people declare too."""
    message = f"the {subject} of the intake has no effect: it is declared at {first}"
    context.add_warning(position, Code.SHADOWED, message, "Remove one of the two; reconcile intake promote does")


def list_instance_names(documents: Sequence[YamlDocument]) -> tuple[str, ...]:
    """Return the names of all instances, also of invalid ones."""
    names = (document.data.get("instances") for document in documents if isinstance(document.data, dict))
    return tuple(dict.fromkeys(name for group in names if isinstance(group, dict) for name in group))


def has_only_categories(instance_entry: object) -> bool:
    """True for an entry of `instances` that adds categories to an instance that another document declares."""
    return isinstance(instance_entry, dict) and instance_entry.keys() == {"categories"}


def _iter_unique_locs(document: YamlDocument) -> Iterator[tuple[tuple[str, ...], Position]]:
    """Iterate over the keys of one document that may appear only once in all documents, with their positions."""
    data = document.data if isinstance(document.data, dict) else {}
    yield from (((key,), document.find_key_position(key)) for key in UNIQUE_KEYS if key in data)
    for section in NAMED_SECTIONS:
        group = data.get(section)
        if isinstance(group, dict):
            positions = document.find_key_positions(section)
            yield from (((section, name), positions[name]) for name in group if not has_only_categories(group[name]))
    instances = data.get("instances")
    for name, entry in instances.items() if isinstance(instances, dict) else ():
        if isinstance(entry, dict) and isinstance(categories := entry.get("categories"), dict):
            loc = ("instances", name, "categories")
            positions = document.find_key_positions(*loc)
            yield from (((*loc, category), positions[category]) for category in categories)
