"""The conditions of the machine that a command runs on: its clock, and the folder of its journal.

Mounts are made in a mount namespace of the command's own. A user other than root needs user namespaces for that.
"""

from __future__ import annotations

import ctypes
import os
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any, Final, Self

_CLONE_NEWNS: Final = 0x20000
_CLONE_NEWUSER: Final = 0x10000000
_MS_RDONLY: Final = 1
_MS_REMOUNT: Final = 32
_MS_BIND: Final = 4096
_MS_REC: Final = 16384
_MS_PRIVATE: Final = 1 << 18
_FULL_SIZE: Final = 128 << 10  # bytes
_SIZE_MARGIN: Final = 4096  # bytes: one page


@dataclass(frozen=True, slots=True)
class Machine:
    """Conditions for one command.

    `clock_file` holds the seconds by which the wall clock is wrong; it may change meanwhile. `full` and `read_only` are
    folders that become so.
    """

    clock_file: str | None = None
    full: str | None = None
    read_only: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return its values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Return a machine by its values."""
        return cls(**values)

    def prepare(self) -> None:
        """Make this process one of such a machine. It must have one thread only."""
        if self.full or self.read_only:
            _enter_mount_namespace()
        if self.full:
            _fill_folder(Path(self.full))
        if self.read_only:
            _mount(self.read_only, self.read_only, flags=_MS_BIND)
            _mount("none", self.read_only, flags=_MS_BIND | _MS_REMOUNT | _MS_RDONLY)
        if self.clock_file:
            _shift_clock(Path(self.clock_file))


def _shift_clock(file: Path) -> None:
    """Replace the wall clock of `reconciler.retry`, the only one that decides something."""
    from reconciler import retry

    class ShiftedTime(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            shifted = datetime.now(tz) + timedelta(seconds=float(file.read_text() or 0))
            return cls.fromtimestamp(shifted.timestamp(), tz)

    vars(retry)["datetime"] = ShiftedTime


def _enter_mount_namespace() -> None:
    uid, gid = os.geteuid(), os.getegid()
    _check(_LIBC.unshare(_CLONE_NEWNS | (_CLONE_NEWUSER if uid else 0)))
    if uid:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
    _mount("none", "/", flags=_MS_REC | _MS_PRIVATE)


def _fill_folder(folder: Path) -> None:
    """Mount a small file system that has the files of the folder, as far as they fit, and no more room."""
    contents = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    size = max(_FULL_SIZE, sum(len(data) for data in contents.values()) + 4 * _SIZE_MARGIN * (len(contents) + 1))
    _mount("tmpfs", str(folder), kind="tmpfs", data=f"size={size}")
    for name, data in contents.items():
        (folder / name).write_bytes(data)
    try:
        with (folder / "filler").open("wb", buffering=0) as filler:
            while True:
                filler.write(bytes(_SIZE_MARGIN))
    except OSError:
        pass  # full


_LIBC: Final = ctypes.CDLL(None, use_errno=True)


def _mount(source: str, target: str, *, kind: str = "none", flags: int = 0, data: str = "") -> None:
    _check(_LIBC.mount(source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), data.encode()))


def _check(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
