"""The bodies of requests that change torrents: an entry of the desired state as JSON, or an upload."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request

from reconciler.model.intake import EntryValue, HandedIn
from reconciler.web.forms import MULTIPART, media_type_of, read_form

JSON_TYPE: Final = "application/json"
LINK_KEYS: Final = ("magnet", "torrent")  # of which an entry in JSON has one
REFUSED_KEYS: Final = {
    "infohash": "a torrent is handed in by a magnet link, a URL or an upload",
    "content": "a torrent is handed in by a magnet link, a URL or an upload",
    "content_of": "a torrent is handed in by a magnet link, a URL or an upload",
    "state": "DELETE makes a torrent absent",
    "delete_files": "it is a parameter of DELETE",
}
FILE_PART: Final = "torrent"
KEYS_PART: Final = "keys"
MAX_KEYS: Final = 100
Query = TypeVar("Query", bound=BaseModel)


def parse_query(model: type[Query], request: Request) -> Query:
    """Return the parameters of a request. Raises `HTTPException` (400) with the name of each wrong one."""
    return parse_parameters(model, request.query_params.multi_items())


def parse_parameters(model: type[Query], parameters: Iterable[tuple[str, str]]) -> Query:
    """Return parameters as their model. Raises `HTTPException` (400) with the name of each wrong one."""
    values: dict[str, Any] = {}
    for name, value in parameters:
        field = model.model_fields.get(name)
        if field is not None and isinstance(field.default, list):
            values.setdefault(name, []).append(value)
        elif name in values:
            raise HTTPException(400, f'The parameter "{name}" is there twice.')
        else:
            values[name] = value
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise HTTPException(400, describe_errors(error, list(model.model_fields))) from None


def describe_errors(error: ValidationError, known: list[str]) -> str:
    """Return what is wrong with parameters, without their values."""
    texts = []
    for item in error.errors(include_url=False, include_context=False, include_input=False):
        name = str(item["loc"][0]) if item["loc"] else ""
        is_unknown = item["type"] == "extra_forbidden"
        reason = f"it is unknown; there are {', '.join(known) or 'none'}" if is_unknown else item["msg"]
        texts.append(f'The parameter "{name}" is wrong: {reason}.')
    return " ".join(texts)


async def read_new_torrent(request: Request) -> HandedIn:
    """Return the torrent that a request hands in, as JSON or as an upload. Raises `HTTPException`."""
    media_type = media_type_of(request)
    if media_type == MULTIPART:
        return await _read_upload(request)
    if media_type != JSON_TYPE:
        raise HTTPException(415, f"The body must be {JSON_TYPE} or {MULTIPART}.")
    entry = dict(parse_json_object(await request.body()))
    links = {key: entry.pop(key) for key in LINK_KEYS if key in entry}
    if len(links) != 1:
        raise HTTPException(400, 'The entry needs one source: "magnet", or "torrent" with a URL.')
    ((key, link),) = links.items()
    start = ("magnet:",) if key == "magnet" else ("http://", "https://")
    if not isinstance(link, str) or not link.lower().startswith(start):
        raise HTTPException(400, f'"{key}" must be a text that begins with {" or ".join(start)}.')
    return HandedIn(link=link, keys=_check_keys(entry))


async def read_changes(request: Request) -> Mapping[str, EntryValue | None]:
    """Return the keys that a request changes, with None for each that it removes. Raises `HTTPException`."""
    if media_type_of(request) != JSON_TYPE:
        raise HTTPException(415, f"The body must be {JSON_TYPE}.")
    changes = parse_json_object(await request.body())
    if source := next((key for key in LINK_KEYS if key in changes), None):
        raise HTTPException(400, f'"{source}" cannot be changed: it says which torrent this is.')
    return _check_keys(changes, with_null=True)


def parse_json_object(body: bytes) -> Mapping[str, Any]:
    """Return the object of a JSON document. Raises `HTTPException` (400) for any other, and for a key that is twice."""
    try:
        value = json.loads(body, object_pairs_hook=_unique_pairs, parse_constant=_refuse_constant)
        json.dumps(value, ensure_ascii=False).encode()  # fails for half a surrogate pair, which no file can hold
    except UnicodeError:
        raise HTTPException(400, "The body is not JSON in UTF-8.") from None
    except RecursionError:
        raise HTTPException(400, "The JSON is nested too deeply.") from None
    except ValueError as error:
        text = f"The body is not JSON: {error.msg}" if isinstance(error, json.JSONDecodeError) else str(error)
        raise HTTPException(400, f"{text}.") from None
    if not isinstance(value, dict):
        raise HTTPException(400, "The JSON must be an object: keys of a torrent entry and their values.")
    return value


async def _read_upload(request: Request) -> HandedIn:
    form = await read_form(request)
    if [file.field for file in form.files] != [FILE_PART]:
        raise HTTPException(400, f'The form needs one file, in the part "{FILE_PART}".')
    if unknown := sorted(form.fields.keys() - {KEYS_PART}):
        raise HTTPException(
            400, f'The form has no field "{unknown[0][:50]}": keys are JSON in the field "{KEYS_PART}".'
        )
    keys = parse_json_object(form.fields[KEYS_PART].encode()) if form.fields.get(KEYS_PART) else {}
    if source := next((key for key in LINK_KEYS if key in keys), None):
        raise HTTPException(400, f'"{source}" is another source than the uploaded file.')
    if not form.files[0].content:
        raise HTTPException(400, "The uploaded file is empty.")
    return HandedIn(content=form.files[0].content, keys=_check_keys(keys))


def _check_keys(keys: Mapping[str, Any], *, with_null: bool = False) -> Mapping[str, Any]:
    """Return keys whose values the intake checks. Raises `HTTPException` for keys that never make sense here.

    Null is dropped unless `with_null`: it means that a key is not given.
    """
    if len(keys) > MAX_KEYS:
        raise HTTPException(400, f"An entry has at most {MAX_KEYS} keys.")
    for key, reason in REFUSED_KEYS.items():
        if key in keys:
            raise HTTPException(400, f'"{key}" cannot be used here: {reason}.')
    return {key: value for key, value in keys.items() if value is not None or with_null}


def _unique_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("The JSON has a key twice")
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")
