"""Several documents -> one: what may be said only once, and what must be said somewhere.

Works on the plain data, so that a clash is found even where other things in the same entries are wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from reconciler.desired.context import LoadContext
from reconciler.desired.yaml.document import YamlDocument
from reconciler.model.position import Position

UNIQUE_KEYS: Final = (
    "owner",
    "policy",
    "delete_files",
    "quarantine",
    "prune_categories",
    "guard",
    "suspend",
    "accept_plan",
)
NAMED_SECTIONS: Final = {"instances": "instance ", "groups": "group ", "categories": "category "}


def find_clashes(documents: Sequence[YamlDocument], context: LoadContext) -> None:
    """Note every key and every name that two documents define, and what no document says."""
    first: dict[tuple[str, ...], Position] = {}
    for document in documents:
        for path, at in _iter_unique_paths(document):
            if path not in first:
                first[path] = at
                continue
            what = NAMED_SECTIONS[path[0]] if len(path) > 1 else ""
            context.add_problem(at, f'{what}"{path[-1]}" is already defined at {first[path]}', "Keep one of the two")
    if not (documents and context.is_complete):
        return
    start = documents[0].find_position()
    if ("policy",) not in first:
        context.add_problem(
            start,
            "no document says the policy, and there is no default",
            'Add "policy: create-only" (add), "policy: upsert" (and change) or "policy: sync" (and delete)',
        )
    if not list_instance_names(documents):
        context.add_problem(start, "no instance is declared", 'Add "instances:" with a name and a url')


def list_instance_names(documents: Sequence[YamlDocument]) -> tuple[str, ...]:
    """The names of all instances, those of invalid ones too."""
    names = (document.data.get("instances") for document in documents if isinstance(document.data, dict))
    return tuple(dict.fromkeys(name for group in names if isinstance(group, dict) for name in group))


def _iter_unique_paths(document: YamlDocument) -> Iterator[tuple[tuple[str, ...], Position]]:
    """Everything in one document that may be said only once, and where its key is."""
    data = document.data if isinstance(document.data, dict) else {}
    yield from (((key,), document.find_key_position(key)) for key in UNIQUE_KEYS if key in data)
    for section in NAMED_SECTIONS:
        group = data.get(section)
        if isinstance(group, dict):
            at = document.find_key_positions(section)
            yield from (((section, name), at[name]) for name in group)
