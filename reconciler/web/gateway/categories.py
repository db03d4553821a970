"""The calls that change categories."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from starlette.exceptions import HTTPException

from reconciler.model.desired import DesiredCategory
from reconciler.model.intake import Intake
from reconciler.report.sanitize import sanitize_text
from reconciler.web.catalogue import KnownTorrent
from reconciler.web.gateway.parameters import parse_bool, require
from reconciler.web.gateway.targets import list_handed_in

_NAME: Final = re.compile(r"[^\\/](?:(?:[^\\/]|/(?=[^/]))*[^\\/])?\Z")  # that 5.1 accepts


class IntakeCategories:
    """The calls on categories of the intake. `declared` are the categories of people, `existing` the names of all."""

    def __init__(
        self,
        intake: Intake,
        declared: Mapping[str, DesiredCategory],
        existing: frozenset[str],
        to_instance_path: Callable[[str], str],
    ) -> None:
        self._intake, self._declared, self._existing = intake, declared, existing
        self._to_instance_path = to_instance_path

    def create(self, fields: Mapping[str, str]) -> None:
        """Carry out `createCategory`. Raises `HTTPException` and `IntakeError`."""
        require(fields, "category")
        name = fields["category"]
        if not name:
            raise HTTPException(400, "Category cannot be empty")
        if not _NAME.match(name):
            raise HTTPException(409, "Incorrect category name")
        if name in self._existing:
            raise HTTPException(409, "Unable to create category")
        self._set(name, fields)

    def edit(self, fields: Mapping[str, str]) -> None:
        """Carry out `editCategory`. Raises `HTTPException` and `IntakeError`."""
        require(fields, "category", "savePath")
        name = fields["category"]
        if not name:
            raise HTTPException(400, "Category cannot be empty")
        self._refuse_declared(name)
        category = self._intake.categories.get(name)
        if category is None:
            reason = ": no service declared it" if name in self._existing else ""
            raise HTTPException(409, f"Unable to edit category{reason}")
        paths = self._read_paths(fields)
        if paths == (category.save_path, category.download_path):
            raise HTTPException(409, "Unable to edit category")
        if category.save_path and not paths[0]:
            raise HTTPException(409, "Unable to edit category: an empty path cannot be declared")
        self._set(name, fields)

    def remove(self, fields: Mapping[str, str], torrents: Mapping[str, KnownTorrent]) -> None:
        """Carry out `removeCategories`: its torrents lose it too. Raises `HTTPException` and `IntakeError`."""
        require(fields, "categories")
        names = {name for name in fields["categories"].split("\n") if name}
        for name in names:
            self._refuse_declared(name)
        members = [
            known.entry.ids[0]
            for known in list_handed_in(torrents)
            if known.entry and known.entry.ids and known.entry.category in names
        ]
        if members:
            self._intake.change(members, {"category": ""})
        if removed := sorted(names.intersection(self._intake.categories)):
            self._intake.remove_categories(removed)

    def _set(self, name: str, fields: Mapping[str, str]) -> None:
        save_path, download_path = self._read_paths(fields)
        self._intake.set_category(name, save_path, download_path=download_path)

    def _read_paths(self, fields: Mapping[str, str]) -> tuple[str | None, str | bool | None]:
        save_path, download_path = fields.get("savePath", "").strip(), fields.get("downloadPath", "").strip()
        is_enabled = parse_bool(fields.get("downloadPathEnabled", ""))
        if is_enabled and not download_path:
            raise HTTPException(409, 'The parameter "downloadPathEnabled" cannot be declared without "downloadPath".')
        return (
            self._to_instance_path(save_path) if save_path else None,
            self._to_instance_path(download_path) if is_enabled else is_enabled,
        )

    def _refuse_declared(self, name: str) -> None:
        if category := self._declared.get(name):
            text = f'The category "{name}" is declared at {category.position}, and can only be changed there.'
            raise HTTPException(409, sanitize_text(text))
