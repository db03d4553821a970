"""The endpoints of `/api/v1/torrents`: list and show torrents, hand them in, change and remove them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from reconciler.model.codes import Code
from reconciler.model.infohash import parse_infohash_text
from reconciler.model.intake import (
    DeclaredElsewhere,
    HandedIn,
    Intake,
    IntakeError,
    IntakeFull,
    IntakeUnavailable,
    make_url_id,
)
from reconciler.model.position import Position, Problem
from reconciler.report.json.common import FORMAT_VERSION, problem_json
from reconciler.web.api import JSON_MEDIA_TYPE, encode_json
from reconciler.web.catalogue import Catalogue, CatalogueView, KnownTorrent
from reconciler.web.context import WebContext
from reconciler.web.placements import find_placements
from reconciler.web.rest.bodies import parse_query, read_changes, read_new_torrent
from reconciler.web.rest.documents import describe_torrent
from reconciler.web.rest.listing import CursorError, ListQuery, list_torrents
from reconciler.web.rest.waiting import Waiters, WaitTime
from reconciler.web.sync_states import SyncState
from reconciler.web.token_check import require_token

PATH: Final = "/api/v1/torrents"
NO_INTAKE_TEXT: Final = 'Torrents cannot be changed here: the desired state declares no "intake".'
DECLARED_TEXT: Final = "the torrent is declared here, in a file that only people change"
NOT_HANDED_IN_TEXT: Final = "No torrent that was handed in has this infohash."
NOT_FOUND_TEXT: Final = "No torrent has this infohash."
Returned = TypeVar("Returned")


class RefusedChange(HTTPException):
    """A change that the intake refused, with its problems."""

    def __init__(self, status: int, problems: tuple[Problem, ...]) -> None:
        super().__init__(status)
        self.problems = problems


class WaitQuery(BaseModel):
    """The parameters of a change."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    wait: Annotated[str, Field(pattern=r"^([0-9]|[1-3][0-9]|4[0-5])s$")] = Field(
        default="0s", description="How long to wait until the instances are as wanted, at most `45s`."
    )

    @property
    def seconds(self) -> int:
        """The seconds to wait."""
        return int(self.wait.removesuffix("s"))


class DeleteQuery(WaitQuery):
    """The parameters of a deletion."""

    delete_files: bool = Field(default=False, description="Also delete the downloaded data.")


class TorrentEndpoints:
    """A method per operation. A coroutine waits for the client or a run; the others run in threads."""

    def __init__(self, context: WebContext, catalogue: Catalogue) -> None:
        self._context, self._catalogue, self._waiters = context, catalogue, Waiters()

    def get_list(self, request: Request) -> Response:
        """A page of the torrents that match the filters."""
        query = parse_query(ListQuery, request)
        try:
            page = list_torrents(self._catalogue.read().torrents.values(), query)
        except CursorError as error:
            raise HTTPException(400, f"The parameter {error}.") from None
        torrents = [describe_torrent(torrent) for torrent in page.torrents]
        return _respond({"torrents": torrents, "total": page.total, "next": page.next_cursor})

    def get_one(self, request: Request) -> Response:
        """One torrent."""
        torrent = find_torrent(self._catalogue.read(), request.path_params["infohash"])
        if torrent is None:
            raise HTTPException(404, NOT_FOUND_TEXT)
        placements = find_placements(
            self._context.board.get_view().last_run, (str(torrent.row["hash"]), *torrent.other_ids)
        )
        return _respond({"torrent": describe_torrent(torrent), "placements": placements})

    async def post(self, request: Request) -> Response:
        """Hand in a torrent."""
        intake = self._require_intake(request)
        query = parse_query(WaitQuery, request)
        handed_in = await read_new_torrent(request)
        (result,) = await asyncio.to_thread(_refuse_errors, lambda: intake.hand_in([handed_in]))
        if result.problem:
            return make_problem_response(400, result.problem)
        if result.is_known and not _is_in(intake, result.infohash):
            position = result.position or Position("", 1, 1)
            return make_problem_response(409, Problem(position, Code.DUPLICATE_TORRENT, DECLARED_TEXT))
        wait = WaitTime(query.seconds)
        infohash = result.infohash or await self._identify_link(intake, handed_in, wait)
        if not infohash:
            reached = False if query.seconds else None
            return _respond({"id": make_url_id(handed_in.link), "torrent": None, "reached": reached}, 202)
        location = {"Location": f"{PATH}/{quote(infohash)}"}
        return await self._respond_after(infohash, wait, 200 if result.is_known else 201, location)

    async def patch(self, request: Request) -> Response:
        """Change keys of an entry; null removes one."""
        intake = self._require_intake(request)
        query = parse_query(WaitQuery, request)
        changes = await read_changes(request)
        infohash = await self._identify(request)
        await asyncio.to_thread(_refuse_errors, lambda: intake.change([infohash], changes))
        return await self._respond_after(infohash, WaitTime(query.seconds), 200)

    async def delete(self, request: Request) -> Response:
        """Remove a torrent."""
        intake = self._require_intake(request)
        query = parse_query(DeleteQuery, request)
        infohash = await self._identify(request)
        is_known = infohash in intake.entries or infohash in intake.unfetched
        await asyncio.to_thread(_refuse_errors, lambda: intake.remove([infohash], delete_files=query.delete_files))
        if not is_known:
            raise HTTPException(404, NOT_HANDED_IN_TEXT)
        return await self._respond_after(infohash, WaitTime(query.seconds), 202, is_wanted=False)

    def _require_intake(self, request: Request) -> Intake:
        require_token(request, self._context.token_reader, "Changing torrents is", allow_password=False)
        if self._context.intake is None or self._context.get_desired().intake is None:
            raise HTTPException(403, NO_INTAKE_TEXT)
        return self._context.intake

    async def _identify(self, request: Request) -> str:
        """Return the infohash that the intake knows, for any id of a torrent."""
        infohashes = parse_infohash_text(request.path_params["infohash"])
        if infohashes is None:
            raise HTTPException(404, NOT_FOUND_TEXT)
        torrent = find_torrent(await asyncio.to_thread(self._catalogue.read), str(infohashes))
        return (torrent.entry.infohash if torrent and torrent.entry else "") or str(infohashes)

    async def _identify_link(self, intake: Intake, handed_in: HandedIn, wait: WaitTime) -> str:
        """Return the infohash of a torrent by URL, once a run has fetched it; "" if the wait ends before that."""
        found = [""]

        def identify() -> bool:
            (result,) = intake.hand_in([handed_in])  # it is known now, so nothing is written
            found[0] = result.infohash
            return bool(result.infohash)

        if wait.seconds:
            await self._waiters.wait_until(lambda: _refuse_errors(identify), wait)
        return found[0]

    async def _respond_after(
        self,
        infohash: str,
        wait: WaitTime,
        status: int,
        headers: Mapping[str, str] | None = None,
        *,
        is_wanted: bool = True,
    ) -> Response:
        """Answer with the torrent as it is after the wait."""
        reached = None
        if wait.seconds:
            reached = await self._waiters.wait_until(lambda: self._is_reached(infohash, is_wanted), wait)
        torrent = find_torrent(await asyncio.to_thread(self._catalogue.read), infohash)
        document = describe_torrent(torrent) if torrent else None
        return _respond(
            {"id": infohash, "torrent": document, "reached": reached},
            200 if status == 202 and reached else status,
            headers,
        )

    def _is_reached(self, infohash: str, is_wanted: bool) -> bool:
        """True if a run has carried out the entry as it is now, and the instances are so."""
        torrent = find_torrent(self._catalogue.read(), infohash)
        if is_wanted:
            return torrent is not None and torrent.sync_state == SyncState.IN_SYNC
        if torrent and torrent.instances:
            return False
        intake, desired = self._context.intake, self._context.board.get_view().last_desired
        planned = next((entry for entry in desired.torrents if infohash in entry.ids), None) if desired else None
        return intake is None or infohash not in intake.entries or (planned is not None and planned.absent)


def find_torrent(view: CatalogueView, text: str) -> KnownTorrent | None:
    """Return the torrent with an infohash in any form; None if there is none, or the text is no infohash."""
    infohashes = parse_infohash_text(text)
    if infohashes is None:
        return None
    ids = infohashes.ids
    direct = next((view.torrents[torrent_id] for torrent_id in ids if torrent_id in view.torrents), None)
    return direct or next((torrent for torrent in view.torrents.values() if _has_id(torrent, ids)), None)


def make_problem_response(status: int, *problems: Problem) -> Response:
    """Return an error with the places in the files that it is about."""
    text = "; ".join(map(str, problems))
    return _respond({"error": text, "problems": [problem_json(problem) for problem in problems]}, status)


def handle_refusal(_request: Request, error: Exception) -> Response:
    """Answer a change that the intake refused."""
    assert isinstance(error, RefusedChange)
    return make_problem_response(error.status_code, *error.problems)


def _refuse_errors(change: Callable[[], Returned]) -> Returned:
    """Carry out a change of the intake, and turn its errors into replies."""
    try:
        return change()
    except (DeclaredElsewhere, IntakeFull) as error:
        raise RefusedChange(409, error.problems) from error
    except IntakeUnavailable as error:
        raise RefusedChange(503, error.problems) from error
    except IntakeError as error:
        raise RefusedChange(400, error.problems) from error
    except KeyError as error:
        raise HTTPException(404, NOT_HANDED_IN_TEXT) from error


def _is_in(intake: Intake, infohash: str) -> bool:
    return bool(infohash) and infohash in intake.entries


def _has_id(torrent: KnownTorrent, ids: tuple[str, ...]) -> bool:
    return any(torrent_id in torrent.other_ids for torrent_id in ids)


def _respond(document: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(encode_json({"format_version": FORMAT_VERSION, **document}), status, headers, JSON_MEDIA_TYPE)
