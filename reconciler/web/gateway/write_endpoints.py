"""The endpoints that change something: a call becomes one change of the intake, and is answered when it is on disk.

See docs/decisions/0146-a-request-to-the-gateway-is-a-change-of-an-entry.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from reconciler.model.desired import DesiredTorrent
from reconciler.model.intake import EntryChanges, Intake, IntakeError, IntakeUnavailable
from reconciler.model.rows import InstanceUnavailable
from reconciler.report.sanitize import sanitize_text
from reconciler.web.catalogue import Catalogue, KnownTorrent
from reconciler.web.context import WebContext
from reconciler.web.forms import Form
from reconciler.web.gateway.access import peer_of
from reconciler.web.gateway.adding import add_torrents, parse_add
from reconciler.web.gateway.categories import IntakeCategories
from reconciler.web.gateway.change_call import ChangeContext, ChangeOne
from reconciler.web.gateway.changing import CHANGE_CALLS, remove_tags
from reconciler.web.gateway.file_priorities import check_priority, make_priority_change
from reconciler.web.gateway.fresh_rows import refresh_torrents
from reconciler.web.gateway.parameters import parse_bool, read_post_form, require, split_ids, split_tags
from reconciler.web.gateway.targets import find_torrents, list_handed_in, select_targets
from reconciler.web.path_maps import to_instance_path

DELETION_TIMEOUT: Final = 30.0  # seconds in which a call waits for the deletion that it asks for
PLACEMENT_TIMEOUT: Final = 15.0  # seconds in which a recheck waits for torrents that were handed in right before it
ID_LENGTH: Final = 40  # hex digits of the id of a torrent in a list of qBittorrent
_WAIT_INTERVAL: Final = 0.25  # seconds between two looks
WITHOUT_EFFECT: Final = {
    "topPrio": ("hashes",),
    "bottomPrio": ("hashes",),
    "increasePrio": ("hashes",),
    "decreasePrio": ("hashes",),
    "createTags": ("tags",),
}
REFUSED: Final = {
    "renameFile": ("hash", "oldPath", "newPath"),
    "renameFolder": ("hash", "oldPath", "newPath"),
    "addPeers": ("hashes", "peers"),
    "addWebSeeds": ("hash", "urls"),
    "editWebSeed": ("hash", "origUrl", "newUrl"),
    "removeWebSeeds": ("hash", "urls"),
}

Handler = Callable[[Form, str], str]  # gets a form and the address of the client, and returns the body of the response


class WriteEndpoints:
    """The endpoints of `torrents/` that change something."""

    def __init__(self, context: WebContext, catalogue: Catalogue) -> None:
        self._context, self._catalogue = context, catalogue
        self._logged: set[str] = set()

    def make_routes(self) -> list[Route]:
        """Return the routes, without `/api/v2`."""
        handlers: dict[str, Handler] = {
            "add": self.add,
            "filePrio": self.set_file_priority,
            "deleteTags": self.delete_tags,
            "createCategory": self.create_category,
            "editCategory": self.edit_category,
            "removeCategories": self.remove_categories,
            "reannounce": lambda form, _client: self._forward("reannounce", form),
            **{name: self._make_changing(name) for name in CHANGE_CALLS},
            **{name: self._make_idle(name) for name in WITHOUT_EFFECT},
            **{name: self._make_refusing(name) for name in REFUSED},
        }
        routes = [_make_route(name, handler) for name, handler in handlers.items()]
        waiting = {"delete": self.delete, "recheck": self.recheck}
        return [*routes, *(Route(f"/torrents/{name}", call, methods=["POST"]) for name, call in waiting.items())]

    def add(self, form: Form, client: str) -> str:
        """Carry out `torrents/add`."""
        return add_torrents(self._intake, parse_add(form, self._translate_for_intake), client)

    async def delete(self, request: Request) -> Response:
        """Carry out `torrents/delete`: the torrents are gone, or the loop deletes them as soon as it can."""
        fields = (await read_post_form(request)).fields
        require(fields, "hashes", "deleteFiles")
        delete_files = parse_bool(fields["deleteFiles"]) or False
        ids = await run_in_threadpool(self._remove, fields["hashes"], delete_files=delete_files)
        if not await _wait_until(lambda: self._are_gone(ids), DELETION_TIMEOUT):
            structlog.get_logger().info("gateway does not wait longer for a deletion", torrents=len(ids))
        return PlainTextResponse("")

    async def recheck(self, request: Request) -> Response:
        """Carry out `torrents/recheck`, also for a torrent that the loop is still about to add.

        cross-seed asks for it right after an add, and then waits for the result of the check.
        """
        form = await read_post_form(request)
        require(form.fields, "hashes")
        ids = [] if form.fields["hashes"] == "all" else split_ids(form.fields["hashes"])
        are_placed = await _wait_until(lambda: not self._list_unplaced(ids), PLACEMENT_TIMEOUT)
        await run_in_threadpool(self._forward, "recheck", form)
        if not are_placed and (unplaced := self._list_unplaced(ids)):
            raise HTTPException(409, sanitize_text(f"{unplaced[0].row['name']} is on no instance yet."))
        return PlainTextResponse("")

    def _list_unplaced(self, ids: Sequence[str]) -> list[KnownTorrent]:
        """Return the torrents with these ids that were handed in and are on no instance."""
        targets = find_torrents(self._catalogue.read().torrents, ids)
        return [known for known in targets if known.is_handed_in and not known.instances]

    def _are_gone(self, ids: Sequence[str]) -> bool:
        """True if every instance that could have one of these torrents was read, and has none."""
        desired, view = self._context.get_desired(), self._catalogue.read()
        for entry in (entry for torrent_id in ids if (entry := self._intake.entries.get(torrent_id))):
            known = next((view.torrents[key] for key in entry.ids if key in view.torrents), None)
            holders = known.instances if known else ()
            for name in desired.instances_of(entry):
                rows = view.instances.get(name)
                if name in holders or rows is None or not rows.is_read:
                    return False
        return True

    def _remove(self, hashes: str, *, delete_files: bool) -> list[str]:
        ids = [_id_of(known) for known in select_targets(self._catalogue.read().torrents, hashes)]
        if ids:
            with refusals():
                self._intake.remove(ids, delete_files=delete_files)
        return ids

    def set_file_priority(self, form: Form, _client: str) -> str:
        """Carry out `torrents/filePrio`."""
        require(form.fields, "hash", "id", "priority")
        check_priority(form.fields)
        targets = select_targets(self._catalogue.read().torrents, form.fields["hash"], is_single=True)
        rows = self._context.rows
        assert rows
        return self._change(targets, make_priority_change(form.fields, targets[0], rows))

    def delete_tags(self, form: Form, _client: str) -> str:
        """Carry out `torrents/deleteTags`: no torrent that was handed in has them any more."""
        require(form.fields, "tags")
        removed = split_tags(form.fields["tags"])
        targets = self._refresh(list_handed_in(self._catalogue.read().torrents))
        return self._change(targets, lambda known, entry: remove_tags(known, entry, removed))

    def create_category(self, form: Form, _client: str) -> str:
        """Carry out `torrents/createCategory`."""
        self._find_categories().create(form.fields)
        return ""

    def edit_category(self, form: Form, _client: str) -> str:
        """Carry out `torrents/editCategory`."""
        self._find_categories().edit(form.fields)
        return ""

    def remove_categories(self, form: Form, _client: str) -> str:
        """Carry out `torrents/removeCategories`."""
        self._find_categories().remove(form.fields, self._catalogue.read().torrents)
        return ""

    def _make_changing(self, name: str) -> Handler:
        call = CHANGE_CALLS[name]

        def carry_out(form: Form, _client: str) -> str:
            require(form.fields, *call.required)
            context = ChangeContext(self._translate_for_torrent, self._read_category_names())
            change = call.make_change(form.fields, context)
            torrents = self._catalogue.read().torrents
            targets = select_targets(torrents, form.fields[call.required[0]], is_single=call.is_single)
            return self._change(self._refresh(targets) if call.reads_row else targets, change)

        return carry_out

    def _refresh(self, targets: Sequence[KnownTorrent]) -> list[KnownTorrent]:
        rows, instances = self._context.rows, self._context.get_desired().instances
        assert rows
        return refresh_torrents(targets, rows, lambda name: instances[name].path_map if name in instances else {})

    def _change(self, targets: Sequence[KnownTorrent], change: ChangeOne) -> str:
        """Change entries. What 5.1 refuses for one of the torrents is refused for all, before anything is written."""
        known_by_id = {torrent_id: known for known in targets if known.entry for torrent_id in known.entry.ids}
        is_changed = [known for known in targets if known.entry and change(known, known.entry)]

        def change_entry(entry: DesiredTorrent) -> EntryChanges:
            known = next((known_by_id[torrent_id] for torrent_id in entry.ids if torrent_id in known_by_id), None)
            with suppress(HTTPException):  # the entry has changed since it was checked
                return change(known, entry) if known else {}
            return {}

        if is_changed:
            with suppress(KeyError):  # they have been deleted since
                self._intake.change([_id_of(known) for known in is_changed], change_entry)
        return ""

    def _forward(self, call: str, form: Form) -> str:
        """Let the instances carry out at once what changes nothing that is declared."""
        require(form.fields, "hashes")
        torrents, text = self._catalogue.read().torrents, form.fields["hashes"]
        targets = list(torrents.values()) if text == "all" else find_torrents(torrents, split_ids(text))
        ids_by_instance: dict[str, list[str]] = {}
        for known in targets:
            for instance in known.instances if known.is_owned else ():
                ids_by_instance.setdefault(instance, []).extend(_live_ids_of(known))
        for instance, ids in ids_by_instance.items():
            self._send(instance, f"torrents/{call}", ids)
        return ""

    def _send(self, instance: str, endpoint: str, ids: Sequence[str]) -> None:
        rows = self._context.rows
        assert rows
        try:
            reply = rows.send(instance, endpoint, {"hashes": "|".join(ids)})
        except InstanceUnavailable as error:
            raise HTTPException(409, sanitize_text(f"{instance} cannot do this now: {error}")) from error
        if reply.status >= 400:
            raise HTTPException(409, sanitize_text(f"{instance} answered with status {reply.status}."))

    def _make_idle(self, name: str) -> Handler:
        def accept(form: Form, _client: str) -> str:
            require(form.fields, *WITHOUT_EFFECT[name])
            if name not in self._logged:
                self._logged.add(name)
                structlog.get_logger().info("gateway accepts a call without effect", call=f"torrents/{name}")
            return ""

        return accept

    def _make_refusing(self, name: str) -> Handler:
        def refuse(form: Form, _client: str) -> str:
            require(form.fields, *REFUSED[name])
            raise HTTPException(409, f"torrents/{name} cannot be declared, so this gateway does not carry it out.")

        return refuse

    def _find_categories(self) -> IntakeCategories:
        own = self._intake.categories
        declared = {
            name: category for name, category in self._context.get_desired().categories.items() if name not in own
        }
        return IntakeCategories(self._intake, declared, self._read_category_names(), self._translate_for_intake)

    @property
    def _intake(self) -> Intake:
        if self._context.intake is None:
            raise HTTPException(404, "Not Found")
        return self._context.intake

    def _read_category_names(self) -> frozenset[str]:
        return frozenset(self._catalogue.read().categories)

    def _translate_for_intake(self, path: str) -> str:
        desired = self._context.get_desired()
        return self._translate(path, desired.intake.instance if desired.intake else "")

    def _translate_for_torrent(self, known: KnownTorrent, path: str) -> str:
        return self._translate(path, known.instance or (known.entry.instance if known.entry else ""))

    def _translate(self, path: str, target: str) -> str:
        """Return a path of a client as an instance, or the first member of a group that maps it, sees it."""
        desired = self._context.get_desired()
        members = (desired.instances[name] for name in desired.members_of(target) if name in desired.instances)
        translated = (to_instance_path(member.path_map, path) for member in members)
        return next((other for other in translated if other != path), path)


@contextmanager
def refusals() -> Iterator[None]:
    """Turn what the intake refuses into responses: 409, or 503 while its file cannot be written."""
    try:
        yield
    except IntakeUnavailable as error:
        raise HTTPException(503, sanitize_text(str(error))) from error
    except IntakeError as error:
        raise HTTPException(409, sanitize_text("; ".join(map(str, error.problems)))) from error


def _make_route(name: str, handler: Handler) -> Route:
    async def carry_out(request: Request) -> Response:
        form = await read_post_form(request)
        return PlainTextResponse(await run_in_threadpool(_carry_out, handler, form, peer_of(request.scope)))

    return Route(f"/torrents/{name}", carry_out, methods=["POST"])


def _carry_out(handler: Handler, form: Form, client: str) -> str:
    with refusals():
        return handler(form, client)


async def _wait_until(condition: Callable[[], bool], timeout: float) -> bool:
    """Look again and again until the condition holds. Returns False after the time."""
    waited, started_at = 0.0, asyncio.get_running_loop().time()
    while not await run_in_threadpool(condition):
        if max(waited, asyncio.get_running_loop().time() - started_at) >= timeout:
            return False
        await asyncio.sleep(_WAIT_INTERVAL)
        waited += _WAIT_INTERVAL
    return True


def _id_of(known: KnownTorrent) -> str:
    return known.entry.infohash if known.entry else str(known.row["hash"])


def _live_ids_of(known: KnownTorrent) -> list[str]:
    """Return every id under which an instance may list a torrent; it skips the others."""
    ids = [str(known.row["hash"]), *(known.entry.ids if known.entry else ())]
    return list(dict.fromkeys(torrent_id for torrent_id in ids if len(torrent_id) == ID_LENGTH))
