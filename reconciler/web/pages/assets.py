"""The files that pages load: styles, scripts and icons. Their addresses name their content, so browsers keep them."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Mapping
from importlib.resources import files
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from reconciler.model.lazy_dataclass import dataclass

VERSION_PARAMETER: Final = "v"
_VERSION_LENGTH: Final = 16  # characters of the hash
_KEPT: Final = {"Cache-Control": "public, max-age=31536000, immutable"}
_ASKED_AGAIN: Final = {"Cache-Control": "no-cache"}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file with its media type. `version` is a hash of its content."""

    body: bytes
    media_type: str
    version: str


class Assets:
    """The files of `pages/static`, read once."""

    def __init__(self) -> None:
        folder = files("reconciler.web.pages") / "static"
        self._assets: Mapping[str, Asset] = {
            item.name: _make_asset(item.name, item.read_bytes())
            for item in sorted(folder.iterdir(), key=lambda item: item.name)
        }

    @property
    def scripts(self) -> tuple[str, ...]:
        """The names of all scripts, in their order."""
        return tuple(name for name in self._assets if name.endswith(".js"))

    def make_path(self, name: str) -> str:
        """Return the path of a file with its version, relative to the root. Raises `KeyError`."""
        return f"static/{name}?{VERSION_PARAMETER}={self._assets[name].version}"

    async def get(self, request: Request) -> Response:
        """Serve one file. Browsers keep what is asked for with its present version."""
        asset = self._assets.get(request.path_params["name"])
        if asset is None:
            raise HTTPException(404, "Not Found")
        is_present = request.query_params.get(VERSION_PARAMETER) == asset.version
        return Response(asset.body, media_type=asset.media_type, headers=_KEPT if is_present else _ASKED_AGAIN)


def _make_asset(name: str, body: bytes) -> Asset:
    media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return Asset(body, media_type, hashlib.sha256(body).hexdigest()[:_VERSION_LENGTH])
