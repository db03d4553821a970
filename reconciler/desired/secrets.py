"""Resolves passwords and keys. A value becomes a `Secret` at once and appears in no message."""

from __future__ import annotations

from reconciler.desired.context import LoadContext
from reconciler.desired.schema.common import SecretReference
from reconciler.desired.yaml.document import Loc, YamlDocument
from reconciler.model.secret import Secret


def resolve_secret(
    document: YamlDocument, loc: Loc, source: str | SecretReference | None, context: LoadContext
) -> Secret | None:
    """Return the secret that `source` stands for. None without a source, and, with a problem, where it is missing."""
    if source is None:
        return None
    position = document.find_position(*loc)
    name = _readable_name(loc)
    if isinstance(source, str):
        if not source:
            context.add_problem(position, f"the {name} is empty", "Use {env: NAME} or {file: PATH}")
            return None
        context.add_warning(position, f"the {name} is in plain text in this file", "Use {env: NAME} or {file: PATH}")
        return Secret(source)
    if len([value for value in source.values() if value is not None]) != 1:
        context.add_problem(position, f"the {name} needs exactly one of env and file", "Keep one of the two")
        return None
    if "env" in source:
        return _read_from_environment(source["env"], document, loc, context)
    return _read_from_file(source["file"], document, loc, context)


def _read_from_environment(variable: str, document: YamlDocument, loc: Loc, context: LoadContext) -> Secret | None:
    value = context.environ.get(variable)
    if value:
        return Secret(value)
    state = "not set" if value is None else "empty"
    context.add_missing(
        document.find_position(*loc, "env"),
        f"the environment variable {variable} is {state}",
        "Set it where reconcile runs",
    )
    return None


def _read_from_file(path: str, document: YamlDocument, loc: Loc, context: LoadContext) -> Secret | None:
    """Read a file without the line breaks at its end, which secret stores and editors add."""
    context.files.append(str(document.base / path))
    value = ""
    try:
        value = (document.base / path).read_bytes().decode("utf-8").rstrip("\r\n")
        reason = "" if value else "is empty"
    except FileNotFoundError:
        reason = "does not exist"
    except UnicodeDecodeError:
        reason = "is not UTF-8 text"
    except (OSError, ValueError) as error:
        reason = f"cannot be read: {getattr(error, 'strerror', None) or 'its path is not usable'}"
    if not reason:
        return Secret(value)
    position = document.find_position(*loc, "file")
    context.add_missing(position, f"the file with the {_readable_name(loc)} {reason}", "Check the path")
    return None


def _readable_name(loc: Loc) -> str:
    """Return the name of the secret at `loc` as in a sentence: `api key`."""
    return str(loc[-1]).replace("_", " ")
