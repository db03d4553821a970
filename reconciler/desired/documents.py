"""Reads the documents of the files that the user named, and of all files that these include."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from reconciler.desired.context import LoadContext, LoadedText
from reconciler.desired.files import SourceFile, list_yaml_files, read_files, read_text
from reconciler.desired.includes import IncludedFiles, find_included_files, has_glob
from reconciler.desired.yaml.document import TooManyAliases, YamlDocument
from reconciler.desired.yaml.entries import compose_nodes
from reconciler.model.codes import Code
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.position import Position, Problem


def read_documents(paths: Sequence[Path], texts: Mapping[Path, str], context: LoadContext) -> list[YamlDocument]:
    """Return the documents of `paths`, each file followed by the files that it includes.

    `texts` replaces the text of files, by path. What is wrong is in `context` afterwards.
    """
    context.files += map(str, list_yaml_files(paths))
    sources, problems = read_files(paths, texts)
    context.problems += problems
    context.is_complete = context.is_complete and not problems
    return _DocumentReader(texts, context, sources).read()


def list_read_files(paths: Sequence[Path]) -> list[Path]:
    """Return the files that declare the desired state of `paths`, and the files that they include."""
    context = LoadContext({})
    read_documents(paths, {}, context)
    return list(map(Path, context.yaml_files))


@dataclass(frozen=True, slots=True)
class _Origin:
    """The place that a file is read for: an item of `include` in the file `parent` (by its real path), or `-f`."""

    name: str
    position: Position | None = None
    parent: str = ""


class _DocumentReader:
    """Reads files and what they include, each once."""

    def __init__(self, texts: Mapping[Path, str], context: LoadContext, sources: Sequence[SourceFile]) -> None:
        self._texts = texts
        self._context = context
        self._sources = sources
        self._origins = {os.path.realpath(source.name): _Origin(source.name) for source in sources}

    def read(self) -> list[YamlDocument]:
        """Return all documents."""
        documents: list[YamlDocument] = []
        if self._context.parsed:
            self._context.parsed.begin_load()
        todo = list(reversed(self._sources))  # a stack: files can include each other deeper than Python can recurse
        while todo:
            source = todo.pop()
            self._context.yaml_files.append(source.name)
            new_documents = self._parse(source)
            documents += new_documents
            included = [source for document in new_documents for source in self._read_included(document)]
            todo += reversed(included)
        documents += self._read_intake(documents) if self._context.reads_intake else []
        if self._context.parsed and not self._context.intake_file:  # then files are read only when people change them
            self._context.parsed.forget()
        return documents

    def _read_intake(self, documents: Sequence[YamlDocument]) -> list[YamlDocument]:
        """Return the document of the intake, which comes last: what people declare has precedence."""
        for document in documents:
            settings = document.data.get("intake") if isinstance(document.data, dict) else None
            name = settings.get("file") if isinstance(settings, dict) else None
            if isinstance(name, str) and name and "\0" not in name:
                return self._read_intake_file(document.base / name, document.find_position("intake", "file"))
        return []

    def _read_intake_file(self, path: Path, position: Position) -> list[YamlDocument]:
        self._context.intake_file = str(path)
        self._context.add_file(str(path))
        if origin := self._origins.get(os.path.realpath(path)):
            message = f"the intake cannot be a file that people write: {origin.position or '-f'} names it too"
            self._add_problem(Problem(position, Code.INTAKE_FILE, message, "Name a file that only the sidecar writes"))
            return []
        self._context.is_intake_missing = path not in self._texts and not os.path.lexists(path)
        if self._context.is_intake_missing:
            if self._context.contacts_instances:
                message = "the file of the intake does not exist here, so nobody knows what services have handed in"
                hint = "Until it exists, nothing that is no longer declared is deleted. A watch creates it"
                self._context.add_warning(position, Code.INTAKE_MISSING, message, hint)
            return []
        if (source := self._read_source(path, position)) is None:
            return []
        self._context.yaml_files.append(source.name)
        return self._parse(source)

    def _parse(self, source: SourceFile) -> list[YamlDocument]:
        parsed = self._context.parsed
        if parsed and (known := parsed.find(source)):
            self._context.texts[source.name] = known[0]
            return list(known[1])
        documents = self._parse_text(source)
        if parsed and documents:
            parsed.keep(source, (self._context.texts[source.name], documents))
        return documents

    def _parse_text(self, source: SourceFile) -> list[YamlDocument]:
        """Return the documents of a text; none of one that cannot be parsed."""
        roots, problem = compose_nodes(source.name, source.text)
        self._context.texts[source.name] = LoadedText(source.text, roots)
        if problem is not None:
            self._add_problem(problem)
            return []
        try:
            return [YamlDocument(source.name, source.base, root, source.text) for root in roots]
        except TooManyAliases as error:
            self._add_problem(error.problem)
            return []

    def _read_included(self, document: YamlDocument) -> Iterator[SourceFile]:
        items = document.data.get("include") if isinstance(document.data, dict) else None
        if not isinstance(items, list):
            self._context.is_complete = self._context.is_complete and items is None
            return
        for item, position in zip(items, document.find_item_positions("include"), strict=True):
            if isinstance(item, str):
                yield from self._read_item(document, item, position)
            else:  # the schema says so
                self._context.is_complete = False

    def _read_item(self, document: YamlDocument, text: str, position: Position) -> Iterator[SourceFile]:
        found = self._find_included(document, text)
        if found.error:
            self._add_problem(Problem(position, Code.INCLUDE, found.error.message, found.error.hint))
        for path in found.files if found.error is None else ():
            if self._is_first_read(path, document, text, position) and (source := self._read_source(path, position)):
                yield source

    def _find_included(self, document: YamlDocument, text: str) -> IncludedFiles:
        """Return what an item names. The second look sees what has changed since the first, before it was noted."""
        found = find_included_files(document.base, text, self._texts)
        for path in (*found.files, *found.folders):
            self._context.add_file(str(path))
        if self._context.torrent_files.before_read:
            found = find_included_files(document.base, text, self._texts)
            self._context.files += map(str, (*found.files, *found.folders))
        return found

    def _is_first_read(self, path: Path, document: YamlDocument, text: str, position: Position) -> bool:
        """Return True for a file that is new; report a circle, and a file that is read for another place already."""
        real_path, parent = os.path.realpath(path), os.path.realpath(document.file)
        origin = self._origins.get(real_path)
        if origin is None:
            self._origins[real_path] = _Origin(str(path), position, parent)
            return True
        if real_path == parent:
            hint = "Narrow the pattern, or put the other files in a folder of their own" if has_glob(text) else ""
            message = "a file cannot include itself"
        elif way := self._find_way(real_path, parent):
            hint, message = "Remove one of the two", f"{origin.name} already includes this file, at {way}"
        elif origin.position:
            hint, message = "Include it once", f"{path} is already included at {origin.position}"
        else:
            hint, message = "Name it once", f"{path} is read twice: -f names {origin.name} too"
        self._add_problem(Problem(position, Code.INCLUDE, message, hint))
        return False

    def _find_way(self, ancestor: str, file: str) -> Position | None:
        """Return the item of the file `ancestor` by which it includes `file`, perhaps through others."""
        origin = self._origins[file]
        while origin.parent and origin.parent != ancestor:
            origin = self._origins[origin.parent]
        return origin.position if origin.parent else None

    def _read_source(self, path: Path, position: Position) -> SourceFile | None:
        problems: list[Problem] = []
        text = self._texts[path] if path in self._texts else read_text(path, problems)
        for problem in problems:
            is_at_item = problem.of_file  # there is no better place in the file
            message = f"{path}: {problem.message}"
            self._add_problem(
                replace(problem, position=position, message=message, of_file=False) if is_at_item else problem
            )
        return None if text is None else SourceFile(str(path), path.parent, text)

    def _add_problem(self, problem: Problem) -> None:
        self._context.problems.append(problem)
        self._context.is_complete = False
