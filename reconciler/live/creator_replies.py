"""What torrentcreator answers, checked and turned into the model's tasks."""

from __future__ import annotations

from typing import Annotated, Final, NotRequired

from pydantic import BeforeValidator, TypeAdapter, with_config
from typing_extensions import TypedDict

from reconciler.live.rows import STRICT
from reconciler.model.content import Creation, CreatorTask, TaskState
from reconciler.model.paths import normal_path

_STATES: Final = {
    "Queued": TaskState.QUEUED,
    "Running": TaskState.RUNNING,
    "Finished": TaskState.FINISHED,
    "Failed": TaskState.FAILED,
}


def _number(value: object) -> object:
    return float(value) if isinstance(value, int) else value


@with_config(STRICT)
class TaskRow(TypedDict):
    """The fields of a row of torrentcreator/status that are used. `format` is told where libtorrent 2 is built in."""

    taskID: str
    sourcePath: str
    status: str
    progress: NotRequired[Annotated[float, BeforeValidator(_number)]]
    errorMessage: NotRequired[str]
    format: NotRequired[str]
    pieceSize: int
    private: bool
    source: NotRequired[str]
    comment: NotRequired[str]
    trackers: NotRequired[list[str]]  # with an empty one where the next tier begins
    urlSeeds: NotRequired[list[str]]


@with_config(STRICT)
class AddedTask(TypedDict):
    """The answer of torrentcreator/addTask."""

    taskID: str


TASKS: Final[TypeAdapter[list[TaskRow]]] = TypeAdapter(list[TaskRow])
ADDED_TASK: Final[TypeAdapter[AddedTask]] = TypeAdapter(AddedTask)


def creator_task(row: TaskRow) -> CreatorTask:
    """A row as the model has it. A state that we do not know is one that has not ended."""
    of = Creation(
        normal_path(row["sourcePath"]),
        row.get("format", ""),
        row["pieceSize"],
        row["private"],
        row.get("source", ""),
        row.get("comment", ""),
        tuple(filter(None, row.get("trackers", ()))),
        tuple(filter(None, row.get("urlSeeds", ()))),
    )
    state = _STATES.get(row["status"], TaskState.RUNNING)
    return CreatorTask(row["taskID"], of, state, row.get("progress", 0.0), row.get("errorMessage", ""))
