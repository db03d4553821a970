"""A call of another program: who may make it, its body, and what becomes of an intake that refuses it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from reconciler.model.desired import DesiredState
from reconciler.model.gateway import GatewaySettings
from reconciler.model.intake import (
    DeclaredElsewhere,
    HandedIn,
    HandInResult,
    Intake,
    IntakeError,
    IntakeFull,
    IntakeUnavailable,
)
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.position import Problem
from reconciler.report.sanitize import sanitize_text
from reconciler.web.path_maps import to_instance_path

HTTP_UNAVAILABLE: Final = 503
NOT_HANDED_IN_TEXT: Final = "this torrent was not handed in here"
JSON_MEDIA_TYPE: Final = "application/json"
Payload = TypeVar("Payload", bound=BaseModel)


WaitForInfohashes = Callable[[Intake, Sequence[HandedIn], list[HandInResult]], list[HandInResult]]


class Refusal(Exception):
    """A call that is refused: the status of the reply, and the reason as a sentence without a secret."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status, self.text = status, text


@dataclass(frozen=True, slots=True)
class Call:
    """One request that was let in. `settings`: those of the gateway in force."""

    request: Request
    body: bytes
    desired: DesiredState
    settings: GatewaySettings
    intake: Intake
    wait_for_infohashes: WaitForInfohashes

    @property
    def infohash(self) -> str:
        """The infohash in the path, in lower case."""
        return str(self.request.path_params["id"]).lower()

    def parse_number(self, key: str, default: int, least: int, most: int | None = None) -> int:
        """Return a number of the query. Raises `Refusal` (422)."""
        text = self.request.query_params.get(key) or str(default)
        if not (text.isascii() and text.isdecimal() and len(text) < 10):
            raise Refusal(422, f"{key}: this must be a number")
        number = int(text)
        if number < least or (most is not None and number > most):
            raise Refusal(422, f"{key}: from {least}" + (f" to {most}" if most is not None else ""))
        return number

    def parse_body(self, model: type[Payload]) -> Payload:
        """Return the JSON of the body. Raises `Refusal` (422), which names the key and not its value."""
        try:
            return model.model_validate_json(self.body)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            key = ".".join(map(str, first["loc"]))
            raise Refusal(422, sanitize_text(f"{key}: {first['msg']}" if key else first["msg"])) from None

    def to_instance_path(self, path: str, instance: str = "") -> str:
        """Return a path of the client as an instance sees it, by default one that the intake places torrents on."""
        target = instance or (self.desired.intake.instance if self.desired.intake else "")
        for name in self.desired.members_of(target):
            declared = self.desired.instances.get(name)
            if declared and (mapped := to_instance_path(declared.path_map, path)) != path:
                return mapped
        return path


def render_json(status: int, value: object) -> Response:
    """Render a JSON document in ASCII: a name may hold half of a surrogate pair, which UTF-8 has not."""
    return Response(json.dumps(value, ensure_ascii=True, separators=(",", ":")), status, media_type=JSON_MEDIA_TYPE)


def describe_problem(problem: Problem) -> str:
    """Return why something was refused, with the place in the files where there is one."""
    place = f" ({problem.position.file}:{problem.position.line})" if problem.position.line else ""
    hint = f". {problem.hint}" if problem.hint else ""
    return sanitize_text(f"{problem.message}{place}{hint}")


def refuse_intake_error(error: IntakeError) -> Refusal:
    """Return the refusal that stands for a change of the intake that was not made."""
    status = 400
    if isinstance(error, DeclaredElsewhere | IntakeFull):
        status = 409
    elif isinstance(error, IntakeUnavailable):
        status = HTTP_UNAVAILABLE
    return Refusal(status, "; ".join(map(describe_problem, error.problems)) or "the intake refused it")


def hand_in(call: Call, torrents: Sequence[HandedIn]) -> list[HandInResult]:
    """Hand torrents in. Raises `Refusal`. For the infohash of a URL it waits a while."""
    try:
        results = call.intake.hand_in(torrents)
    except IntakeError as error:
        raise refuse_intake_error(error) from error
    return call.wait_for_infohashes(call.intake, torrents, results)


def change(intake: Intake, infohash: str, changes: Mapping[str, Any]) -> None:
    """Change an entry of the intake. Raises `Refusal`."""
    try:
        intake.change([infohash], changes)
    except IntakeError as error:
        raise refuse_intake_error(error) from error
    except KeyError:
        raise Refusal(404, NOT_HANDED_IN_TEXT) from None


def remove(intake: Intake, infohashes: Sequence[str], *, delete_files: bool) -> None:
    """Take entries of the intake back, in one write. Raises `Refusal`."""
    try:
        if infohashes:
            intake.remove(infohashes, delete_files=delete_files)
    except IntakeError as error:
        raise refuse_intake_error(error) from error
    except KeyError:
        raise Refusal(404, NOT_HANDED_IN_TEXT) from None
