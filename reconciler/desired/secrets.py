"""Resolves passwords, keys and other values that may come from the environment or a file.

A password or key becomes a `Secret` at once and appears in no message.
"""

from __future__ import annotations

import re
from typing import Final

from reconciler.desired.context import LoadContext
from reconciler.desired.schema.common import SecretReference, get_reference_key
from reconciler.desired.secret_hosts import check_receiver
from reconciler.desired.yaml.document import Loc, YamlDocument
from reconciler.model.codes import Code
from reconciler.model.secret import Secret
from reconciler.regular_file import MAX_SMALL_FILE_BYTES, UnsuitableFileError, read_regular_file

_SURROUNDINGS: Final = "\r\n\ufeff"  # line breaks and byte order marks, which stores and editors add around a value
_LINE_END: Final = re.compile(r"[\r\n\0]")


def resolve_secret(
    document: YamlDocument,
    loc: Loc,
    source: str | SecretReference | None,
    context: LoadContext,
    *,
    receiver: str | None,
    one_line: bool = True,
) -> Secret | None:
    """Return the secret that `source` stands for, as `resolve_text` returns it."""
    if isinstance(source, str) and source:
        name = _readable_name(loc)
        context.add_warning(
            document.find_position(*loc),
            Code.PLAIN_SECRET,
            f"the {name} is in plain text in this file",
            "Use {env: NAME} or {file: PATH}",
        )
    text = resolve_text(document, loc, source, context, receiver=receiver, one_line=one_line)
    return None if text is None else Secret(text)


def resolve_text(
    document: YamlDocument,
    loc: Loc,
    source: str | SecretReference | None,
    context: LoadContext,
    *,
    receiver: str | None,
    one_line: bool = True,
) -> str | None:
    """Return the text of `source`, without line breaks and byte order marks around it. No message quotes it.

    `receiver`: the URL that it will be sent to, None if it is not known yet. None without a source, and, with a
    problem, where it may not be sent there, is missing or empty, or, with `one_line`, is on several lines.
    """
    if source is None:
        return None
    name = _readable_name(loc)
    if isinstance(source, str):
        text: str | None = source.strip(_SURROUNDINGS)
        if not text:
            position = document.find_position(*loc)
            context.add_problem(position, Code.SECRET, f"the {name} is empty", "Use {env: NAME} or {file: PATH}")
    else:
        text = _read_reference(document, loc, source, receiver, context)
    if text and one_line and _LINE_END.search(text):
        position = document.find_position(*loc, *([] if isinstance(source, str) else [get_reference_key(source)]))
        hint = "Correct it where it is stored: only line breaks around it are removed"
        context.add_problem(position, Code.SECRET, f"the {name} contains a line break", hint)
        return None
    return text or None


def _read_reference(
    document: YamlDocument, loc: Loc, source: SecretReference, receiver: str | None, context: LoadContext
) -> str | None:
    if ("env" in source) == ("file" in source):
        position = document.find_position(*loc)
        if not context.has_problem_at(position):  # such as {{ name }}, which is an empty mapping here
            message = f"the {_readable_name(loc)} needs exactly one of env and file"
            context.add_problem(position, Code.SECRET, message, "Keep one of the two")
        return None
    if not check_receiver(document, loc, source, receiver, context):
        return None
    if context.keeps_references:
        return describe_reference(source)
    if "env" in source:
        return _read_from_environment(source["env"], document, loc, context)
    return _read_from_file(source["file"], document, loc, context)


def describe_reference(source: SecretReference) -> str:
    """Return a reference as it is written: `{env: NAME}`."""
    kind = get_reference_key(source)
    return f"{{{kind}: {source[kind]}}}"


def _read_from_environment(variable: str, document: YamlDocument, loc: Loc, context: LoadContext) -> str | None:
    context.variables.add(variable)
    value = context.environ.get(variable)
    if text := (value or "").strip(_SURROUNDINGS):
        return text
    state = "not set" if value is None else "empty"
    context.add_missing(
        document.find_position(*loc, "env"),
        Code.SECRET_MISSING,
        f"the environment variable {variable} is {state}",
        "Set it where reconcile runs",
    )
    return None


def _read_from_file(path: str, document: YamlDocument, loc: Loc, context: LoadContext) -> str | None:
    context.add_file(str(document.base / path))
    text = ""
    try:
        text = read_regular_file(document.base / path, MAX_SMALL_FILE_BYTES).decode("utf-8").strip(_SURROUNDINGS)
        reason = "" if text else "is empty"
    except FileNotFoundError:
        reason = "does not exist"
    except UnicodeDecodeError:
        reason = "is not UTF-8 text"
    except UnsuitableFileError as error:
        reason = str(error.strerror).removeprefix("it ")
    except (OSError, ValueError) as error:
        reason = f"cannot be read: {getattr(error, 'strerror', None) or 'its path is not usable'}"
    if not reason:
        return text
    position = document.find_position(*loc, "file")
    context.add_missing(
        position, Code.SECRET_MISSING, f"the file with the {_readable_name(loc)} {reason}", "Check the path"
    )
    return None


def _readable_name(loc: Loc) -> str:
    """Return the name of the value at `loc` as in a sentence: `api key`."""
    return str(loc[-1]).replace("_", " ")
