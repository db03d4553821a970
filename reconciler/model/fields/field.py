"""The description of one field of a torrent: how to read, declare, compare, apply and show it."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto

from reconciler.model.desired import DesiredTorrent
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.plan import Change, FieldValue, SetTorrent
from reconciler.model.snapshot import LiveTorrent
from reconciler.model.versions import EVERY_VERSION, Capability

LiveReader = Callable[[LiveTorrent], FieldValue]
EntryReader = Callable[[DesiredTorrent], FieldValue]
AppliedCheck = Callable[[LiveTorrent, SetTorrent], bool]
AppliedCheckMaker = Callable[[Change], AppliedCheck]
TagEncoder = Callable[[FieldValue], frozenset[str]]


class FieldKind(Enum):
    """The origin of a field's value, and when it can be set."""

    MARK = auto()  # set by reconcile alone, kept in tags
    ORIGIN = auto()  # the content that the torrent was made from
    PROPERTY = auto()  # declared, can be changed at any time, always shown
    OPTION = auto()  # likewise, and shown where it differs from the default
    COLLECTION = auto()  # declared as a minimum: others than the declared items may exist
    CREATE_ONLY = auto()  # goes with an add; can be neither changed nor read afterwards
    FOLLOW_UP = auto()  # work around a torrent that the torrent itself does not show


class ChangeRequest(Enum):
    """The request that changes an option."""

    VALUE = auto()  # sets one option; independent of all others
    TOGGLE = auto()  # can only invert the present value
    SHARE_LIMITS = auto()  # sets all share limits together
    LOCATION = auto()  # decides where data is, so its order among paths and categories matters
    START = auto()  # must follow stops and starts, which would undo it


def _return_unchanged(value: FieldValue) -> FieldValue:
    return value


def _is_equal(value: FieldValue, other: FieldValue) -> bool:
    return value == other


def read_nothing(_: LiveTorrent | DesiredTorrent) -> FieldValue:
    """Return None: no server reports the field, or no entry declares it."""
    return None


def _moves_nothing(_change: Change, _torrent: LiveTorrent) -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a torrent.

    Reading: `read` returns the live value as plans and reports show it, None where the server does not report it.
    `default` is the value of a torrent for which nobody set the field. `import_value` returns the value that an
    imported entry declares, None where there is nothing to declare.

    Declaring: `declare` returns the value of an entry, None where it is not declared; `declare_at_add` likewise for an
    add, where it differs. `is_ignorable`: entries can list the key in `ignore_changes`.

    Comparing: `want` returns the wanted value where that depends on the live torrent, `resolve` turns a wanted value
    into what the server reports for it, `is_same` compares. `diff` replaces all three.

    Applying: `make_applied_check` returns the check that decides by a read-back if a change shows; None: it does if the
    live value matches. `encode_tags` returns the tags that hold a value; `cleared_tags` go with them when the value is
    removed. `request` is how an option is changed.

    Versions: the field can be set on servers that have `capability`; `capability_of` replaces it where it depends on
    the value. An add carries the field where the server has `at_add`; None: it always follows the add.

    Data: `sets_location`: the field decides where data is; `moves_data` returns True if a change makes the server move
    it.

    Showing: `to_declared` turns a value into what an entry would say. `rank`: plans show fields by rank, then in the
    order of the registry.
    """

    name: str
    kind: FieldKind
    read: LiveReader = read_nothing
    default: FieldValue = None
    import_value: LiveReader | None = None
    declare: EntryReader = read_nothing
    declare_at_add: EntryReader | None = None
    is_ignorable: bool = False
    want: Callable[[DesiredTorrent, LiveTorrent], FieldValue] | None = None
    resolve: Callable[[FieldValue, LiveTorrent], FieldValue] | None = None
    is_same: Callable[[FieldValue, FieldValue], bool] = _is_equal
    diff: Callable[[DesiredTorrent, LiveTorrent], Change | None] | None = None
    make_applied_check: AppliedCheckMaker | None = None
    encode_tags: TagEncoder | None = None
    cleared_tags: frozenset[str] = frozenset()
    request: ChangeRequest | None = None
    capability: Capability = EVERY_VERSION
    capability_of: Callable[[FieldValue], Capability] | None = None
    at_add: Capability | None = EVERY_VERSION
    sets_location: bool = False
    moves_data: Callable[[Change, LiveTorrent], bool] = _moves_nothing
    to_declared: Callable[[FieldValue], FieldValue] = _return_unchanged
    rank: int = 0

    def matches(self, torrent: LiveTorrent, wanted: FieldValue) -> bool:
        """Return True if the live value is, to qBittorrent, the wanted one."""
        return self.is_same(self.read(torrent), self.resolve(wanted, torrent) if self.resolve else wanted)


def make_presence_check(_change: Change) -> AppliedCheck:
    """Return a check that is always True: the torrent exists, and that is all that can be seen of the change."""
    return lambda _torrent, _action: True
