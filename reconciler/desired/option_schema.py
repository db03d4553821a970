"""The shape of the options of a torrent, as types that pydantic checks: a part of `schema`."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Required

from pydantic import AfterValidator, BeforeValidator, with_config
from typing_extensions import TypedDict

from reconciler.desired import option_rules as rules
from reconciler.desired.shapes import STRICT

Rate = Annotated[int, BeforeValidator(rules.rate)]
Minutes = Annotated[int, BeforeValidator(rules.minutes)]
Ratio = Annotated[float, BeforeValidator(rules.ratio)]

Action = Literal["default", "stop", "remove", "remove-with-content", "enable-super-seeding"]
Layout = Literal["original", "subfolder", "no-subfolder"]
StopCondition = Literal["none", "metadata-received", "files-checked"]
Priority = Literal["skip", "normal", "high", "maximal"]


@with_config(STRICT)
class ShareLimitsEntry(TypedDict, total=False):
    """When a torrent has shared enough, and what happens then."""

    ratio: Ratio
    seeding_time: Minutes
    inactive_seeding_time: Minutes
    action: Action


@with_config(STRICT)
class FileEntry(TypedDict):
    """One rule for the files of a torrent."""

    match: Required[Annotated[str, AfterValidator(rules.glob)]]
    priority: Required[Priority]


@with_config(STRICT)
class OptionKeys(TypedDict, total=False):
    """The options that `defaults` may hold too."""

    download_path: Annotated[str, AfterValidator(rules.download_path)] | None
    auto_tmm: bool | None
    force_start: bool | None
    sequential: bool | None
    first_last_piece_first: bool | None
    super_seeding: bool | None
    download_limit: Rate | None
    upload_limit: Rate | None
    share_limits: Annotated[ShareLimitsEntry, AfterValidator(rules.some_limit)] | None
    files: list[FileEntry] | None
    trackers: list[Annotated[str, AfterValidator(rules.tracker)]] | None
    comment: Annotated[str, AfterValidator(rules.comment)] | None
    content_layout: Layout | None
    skip_checking: bool | None
    stop_condition: StopCondition | None
    ignore_changes: list[Annotated[str, AfterValidator(rules.ignored)]] | None


@with_config(STRICT)
class OwnOptionKeys(OptionKeys, total=False):
    """All options; some say something of one torrent only."""

    web_seeds: list[Annotated[str, AfterValidator(rules.web_seed)]] | None
    delete_files: bool


CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "action": Action.__args__,  # type: ignore[attr-defined]
    "content_layout": Layout.__args__,  # type: ignore[attr-defined]
    "stop_condition": StopCondition.__args__,  # type: ignore[attr-defined]
    "priority": Priority.__args__,  # type: ignore[attr-defined]
}
KEYS: Final[dict[str, tuple[str, ...]]] = {
    "share_limits": tuple(ShareLimitsEntry.__annotations__),
    "files": tuple(FileEntry.__annotations__),
}
