"""Where passwords and keys come from. A value is wrapped in `Secret` at once and appears in no message."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.desired.context import LoadContext
from reconciler.desired.schema.common import SecretReference
from reconciler.desired.yaml.document import YamlDocument
from reconciler.model.secret import Secret


def resolve_secret(
    document: YamlDocument, loc: tuple[str | int, ...], source: str | SecretReference | None, context: LoadContext
) -> Secret | None:
    """The secret that `source` stands for. None without one, or where it is missing, which is then noted."""
    if source is None:
        return None
    at = document.find_position(*loc)
    name = str(loc[-1]).replace("_", " ")
    if isinstance(source, str):
        if not source:
            context.add_problem(at, f"the {name} is empty", "Give it with {env: NAME} or {file: PATH}")
            return None
        context.add_warning(at, f"the {name} stands in this file for all to read", "Use {env: NAME} or {file: PATH}")
        return Secret(source)
    if len([value for value in source.values() if value is not None]) != 1:
        context.add_problem(at, f"the {name} needs exactly one of env and file", "Keep one of the two")
        return None
    if "env" in source:
        return _read_from_environment(source["env"], context.environ, document, loc, context)
    return _read_from_file(source["file"], document, loc, context)


def _read_from_environment(
    variable: str, environ: Mapping[str, str], document: YamlDocument, loc: tuple[str | int, ...], context: LoadContext
) -> Secret | None:
    value = environ.get(variable)
    if value:
        return Secret(value)
    state = "not set" if value is None else "empty"
    context.add_missing(
        document.find_position(*loc, "env"), f"the environment variable {variable} is {state}", "Set it where this runs"
    )
    return None


def _read_from_file(
    path: str, document: YamlDocument, loc: tuple[str | int, ...], context: LoadContext
) -> Secret | None:
    """The text of a file without the line breaks at its end, as every secret store and editor adds them."""
    at = document.find_position(*loc, "file")
    value = ""
    context.files.append(str(document.base / path))
    try:
        value = (document.base / path).read_bytes().decode("utf-8").rstrip("\r\n")
        trouble = "" if value else "is empty"
    except FileNotFoundError:
        trouble = "does not exist"
    except UnicodeDecodeError:
        trouble = "is not UTF-8 text"
    except (OSError, ValueError) as error:
        trouble = f"cannot be read: {getattr(error, 'strerror', None) or 'its path is not usable'}"
    if not trouble:
        return Secret(value)
    context.add_missing(at, f"the file that holds the {str(loc[-1]).replace('_', ' ')} {trouble}", "Check the path")
    return None
