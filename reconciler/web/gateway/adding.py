"""`torrents/add`: the parameters of qBittorrent 5.1, as entries of the intake.

See docs/decisions/0146-a-request-to-the-gateway-is-a-change-of-an-entry.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import structlog
from starlette.exceptions import HTTPException

from reconciler.model.codes import Code
from reconciler.model.fields.names import SAVE_PATH
from reconciler.model.infohash import V1_BASE32, V1_HEX, V2_HEX
from reconciler.model.intake import EntryValue, HandedIn, HandInResult, Intake
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.torrent_file import TorrentFileError, identify_torrent
from reconciler.report.sanitize import sanitize_text
from reconciler.web.forms import Form
from reconciler.web.gateway.parameters import (
    GLOBAL_LIMIT,
    MAX_RATE,
    minutes_value,
    parse_bool,
    parse_float,
    parse_int,
    rate_value,
    ratio_value,
    split_tags,
)

_CONTENT_LAYOUTS: Final = {"Original": "original", "Subfolder": "subfolder", "NoSubfolder": "no-subfolder"}
_STOP_CONDITIONS: Final = {"None": "none", "MetadataReceived": "metadata-received", "FilesChecked": "files-checked"}
_SHARE_LIMIT_ACTIONS: Final = {
    "Stop": "stop",
    "Remove": "remove",
    "RemoveWithContent": "remove-with-content",
    "EnableSuperSeeding": "enable-super-seeding",
}
_FLAGS: Final = {
    "skip_checking": "skip_checking",
    "seedMode": "skip_checking",  # its name in 5.3
    "sequentialDownload": "sequential",
    "firstLastPiecePrio": "first_last_piece_first",
    "forced": "force_start",
}
_RATES: Final = {"upLimit": "upload_limit", "dlLimit": "download_limit"}
_TIMES: Final = {"seedingTimeLimit": "seeding_time", "inactiveSeedingTimeLimit": "inactive_seeding_time"}
_UNDECLARABLE: Final = frozenset(
    {"addToTopOfQueue", "cookie", "downloader", "filePriorities", "shareLimitsMode"}
    | {"ssl_certificate", "ssl_private_key", "ssl_dh_params"}
)  # that some version knows; cross-seed sends foo, and FlexGet label, which none knows
_HARMLESS: Final = {"addToTopOfQueue": "false", "shareLimitsMode": "default"}  # values that ask for nothing
_BAD_SOURCES: Final = frozenset(
    {Code.MAGNET, Code.TORRENT_LOCATION, Code.TORRENT_FILE, Code.INFOHASH, Code.DUPLICATE_TORRENT, Code.SECRET_HOST}
)  # for which 5.1 answers `Fails.` too

ToInstancePath = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class AddRequest:
    """The torrents of one request, and the reasons why others of it cannot be taken."""

    torrents: tuple[HandedIn, ...]
    refusals: tuple[str, ...] = ()


def parse_add(form: Form, to_instance_path: ToInstancePath) -> AddRequest:
    """Return what a form asks for.

    Raises `HTTPException`: 415 for a file that is no torrent, 400 for a parameter that cannot be declared, 409 for a
    reserved tag. Then nothing is added, also not the other torrents of the request.
    """
    keys = build_keys(form.fields, to_instance_path)
    torrents, refusals = [], []
    for line in form.fields.get("urls", "").split("\n"):
        if text := line.strip():
            link = read_link(text)
            if link:
                torrents.append(HandedIn(link=link, keys=keys))
            else:
                refusals.append("only magnet links, infohashes and http(s) URLs of .torrent files can be added")
    for file in form.files:
        try:
            identify_torrent(file.content)
        except TorrentFileError:
            name = sanitize_text(file.name)
            raise HTTPException(415, f"Error: '{name}' is not a valid torrent file.") from None
        torrents.append(HandedIn(content=file.content, keys=keys))
    return AddRequest(tuple(torrents), tuple(refusals))


def add_torrents(intake: Intake, request: AddRequest, client: str) -> str:
    """Hand torrents in, and return the body of the response. It is `Ok.` when one of them is on disk.

    Raises `HTTPException` (409) if none is, because of a parameter, and `IntakeError`.
    """
    results = intake.hand_in(request.torrents) if request.torrents else []
    log = structlog.get_logger()
    for reason in (*request.refusals, *(_refusal_text(result) for result in results if not _is_added(result))):
        log.warning("gateway cannot add a torrent", client=client, reason=sanitize_text(reason))
    if any(_is_added(result) for result in results):
        return "Ok."
    for result in results:
        if result.problem and result.problem.code not in _BAD_SOURCES:
            raise HTTPException(409, sanitize_text(_refusal_text(result)))
    return "Fails."


def build_keys(fields: Mapping[str, str], to_instance_path: ToInstancePath) -> dict[str, EntryValue]:
    """Return the keys of an entry that the parameters mean. Raises `HTTPException` for parameters that mean none."""
    _refuse_undeclarable(fields)
    get = fields.get
    texts: dict[str, EntryValue] = {
        "category": get("category", ""),
        "tags": list(split_tags(get("tags", ""))),
        "name": get("rename", "").strip(),
        "paused": parse_bool(get("stopped", get("paused", ""))) or False,
        "stop_condition": _STOP_CONDITIONS.get(condition, "none") if (condition := get("stopCondition", "")) else "",
    }
    keys = {key: value for key, value in texts.items() if value}
    keys |= {key: True for parameter, key in _FLAGS.items() if parse_bool(get(parameter, ""))}
    for parameter, key in _RATES.items():
        rate = parse_int(get(parameter, "")) or 0
        if 0 < rate <= MAX_RATE:
            keys[key] = rate_value(rate)
    return keys | _build_layout(fields) | _build_share_limits(fields) | _build_paths(fields, to_instance_path)


def _refuse_undeclarable(fields: Mapping[str, str]) -> None:
    """Refuse what has a meaning for qBittorrent and can have none here. What it does not know, it ignores, as do we."""
    for name, value in fields.items():
        if name in _UNDECLARABLE and value.strip() and value.strip().lower() != _HARMLESS.get(name):
            raise HTTPException(400, f'The parameter "{name}" cannot be declared, so nothing was added. Leave it out.')


def _build_layout(fields: Mapping[str, str]) -> dict[str, EntryValue]:
    if layout := fields.get("contentLayout", ""):
        return {"content_layout": _CONTENT_LAYOUTS.get(layout, "original")}
    has_folder = parse_bool(fields.get("root_folder", ""))  # before 4.3.2
    return {} if has_folder is None else {"content_layout": "original" if has_folder else "no-subfolder"}


def _build_share_limits(fields: Mapping[str, str]) -> dict[str, EntryValue]:
    limits: dict[str, object] = {}
    ratio = parse_float(fields.get("ratioLimit", ""))
    if ratio is not None and ratio != GLOBAL_LIMIT:
        limits["ratio"] = ratio_value(ratio)
    for parameter, key in _TIMES.items():
        minutes = parse_int(fields.get(parameter, ""))
        if minutes is not None and minutes != GLOBAL_LIMIT:
            limits[key] = minutes_value(minutes)
    if action := _SHARE_LIMIT_ACTIONS.get(fields.get("shareLimitAction", "")):
        limits["action"] = action
    return {"share_limits": limits} if limits else {}


def _build_paths(fields: Mapping[str, str], to_instance_path: ToInstancePath) -> dict[str, EntryValue]:
    """Return the keys of the paths. Under automatic management the category determines them, as in 5.1."""
    is_automatic = parse_bool(fields.get("autoTMM", ""))
    if is_automatic:
        return {"auto_tmm": True}
    keys: dict[str, EntryValue] = {} if is_automatic is None else {"auto_tmm": False}
    save_path, download_path = fields.get("savepath", "").strip(), fields.get("downloadPath", "").strip()
    uses_download_path = parse_bool(fields.get("useDownloadPath", ""))
    if save_path:
        keys[SAVE_PATH] = to_instance_path(save_path)
    if uses_download_path and not download_path:
        raise HTTPException(400, 'The parameter "useDownloadPath" cannot be declared without "downloadPath".')
    if uses_download_path is False or (download_path and download_path == save_path):  # as cross-seed writes it
        keys["download_path"] = ""
    elif download_path:
        keys["download_path"] = to_instance_path(download_path)
    if "download_path" in keys and not save_path:
        keys["auto_tmm"] = False
    return keys


def read_link(text: str) -> str:
    """Return a link that can be an entry; "" for paths of the server's disk and other schemes."""
    digits = text.lower()
    if V1_HEX.match(digits) or V1_BASE32.match(digits):
        return f"magnet:?xt=urn:btih:{digits}"
    if V2_HEX.match(digits):
        return f"magnet:?xt=urn:btmh:1220{digits}"
    return text if digits.startswith(("magnet:", "http://", "https://")) else ""


def _is_added(result: HandInResult) -> bool:
    return result.problem is None and not result.is_known


def _refusal_text(result: HandInResult) -> str:
    if problem := result.problem:  # without its position: there is no such entry
        return problem.message + (f". {problem.hint}" if problem.hint else "")
    return f"it is already declared at {result.position}"
