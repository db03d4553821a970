"""Forms and uploads, read within limits and without a file on disk."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import aclosing
from typing import Final

from python_multipart.exceptions import FormParserError
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import FormParser, MultiPartException, MultiPartParser
from starlette.requests import Request

from reconciler.model.lazy_dataclass import dataclass
from reconciler.web.request_limits import MAX_BODY_BYTES, MAX_UPLOAD_BYTES

_parser_log = logging.getLogger("python_multipart")
_parser_log.addHandler(logging.NullHandler())  # else it warns of each bad form on stderr, which is our log
_parser_log.propagate = False

MAX_FIELDS: Final = 100
MAX_FILES: Final = 100
MAX_PART_HEADER_BYTES: Final = 1 << 13
MULTIPART: Final = "multipart/form-data"
URL_ENCODED: Final = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file of a form. `field`: the name of its part; `name`: that of the file, as the client chose it.

    Show the name only sanitized, and never use it as a path.
    """

    field: str
    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a form, the last of each name, and its files."""

    fields: Mapping[str, str]
    files: tuple[UploadedFile, ...] = ()


class _MemoryParser(MultiPartParser):
    """A parser that uses no temporary file, and limits the headers of parts, which the library does not."""

    spool_max_size = MAX_UPLOAD_BYTES  # the container may have no folder for temporary files
    _header_bytes = 0

    def on_part_begin(self) -> None:
        self._header_bytes = 0
        super().on_part_begin()

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._count_header_bytes(end - start)
        super().on_header_field(data, start, end)

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._count_header_bytes(end - start)
        super().on_header_value(data, start, end)

    def _count_header_bytes(self, count: int) -> None:
        self._header_bytes += count + 1
        if self._header_bytes > MAX_PART_HEADER_BYTES:
            raise MultiPartException("the headers of a part are too large")


def media_type_of(request: Request) -> str:
    """Return the type of the body of a request, in lower case and without parameters; "" if it names none."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_form(request: Request) -> Form:
    """Return the form in the body of a request. Raises `HTTPException`: 400, 413, or 415 if the body is no form."""
    media_type = media_type_of(request)
    try:
        async with aclosing(request.stream()) as stream:
            if media_type == MULTIPART:
                limits = {"max_files": MAX_FILES, "max_fields": MAX_FIELDS, "max_part_size": MAX_BODY_BYTES}
                data = await _MemoryParser(request.headers, stream, **limits).parse()
            elif media_type == URL_ENCODED:
                parser = FormParser(request.headers, stream, max_fields=MAX_FIELDS, max_part_size=MAX_BODY_BYTES)
                data = await parser.parse()
            else:
                raise HTTPException(415, f"The body must be a form: {MULTIPART} or {URL_ENCODED}.")
    except (MultiPartException, FormParserError) as error:
        raise HTTPException(400, f"The form cannot be read: {error}.") from error
    return await _to_form(data)


async def _to_form(data: FormData) -> Form:
    fields = {name: value for name, value in data.multi_items() if isinstance(value, str)}
    files = []
    for name, value in data.multi_items():
        if isinstance(value, UploadFile):
            files.append(UploadedFile(name, value.filename or "", await value.read()))
            await value.close()
    return Form(fields, tuple(files))
