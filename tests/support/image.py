"""An image built and run without an engine: the Dockerfile's own steps, in namespaces of their own.

The base image is played by this machine: its /usr and its Python, read-only. Everything else is what the steps make.
bubblewrap confines it as an engine would: another user, no capabilities, a read-only root, PID 1.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support import dockerfile, tools
from tests.support.dockerfile import BuildStage, expand_environ

REPOSITORY = Path(__file__).parents[2]
PYTHON_FOLDER = "/base/bin"  # where the base image has its Python
BASE_ENVIRON = {"PATH": f"{PYTHON_FOLDER}:/usr/bin:/bin", "HOME": "/root", "LANG": "C.UTF-8"}


@dataclass(frozen=True, slots=True)
class Image:
    """The file system of the last stage, and its command."""

    root: Path
    stage: BuildStage

    @property
    def environ(self) -> dict[str, str]:
        """Its environment."""
        return expand_environ(self.stage.environ, BASE_ENVIRON)

    def build_command(
        self,
        words: Sequence[str],
        environ: Mapping[str, str] | None = None,
        volumes: Mapping[str, tuple[Path, str]] | None = None,
        user: str | None = None,
    ) -> list[str]:
        """Start it as an engine would with --read-only, --cap-drop ALL and a tmpfs at /tmp, on the host's network.

        `volumes`: places in it, and what stands there, "ro" or "rw".
        """
        uid, gid = (user or self.stage.user).split(":")
        mounts = ["--tmpfs", "/tmp"]
        for place, (path, mode) in (volumes or {}).items():
            mounts += ["--ro-bind" if mode == "ro" else "--bind", str(path), place]
        mounts += ["--remount-ro", "/"]
        inside = {**self.environ, **(environ or {})}
        return _build_sandbox_command(self.root, uid, gid, mounts, inside, self.stage.workdir, words)

    @contextmanager
    def run_container(self, words: Sequence[str], **options: object) -> Iterator[Container]:
        """A container that runs meanwhile; it is killed at the end of the block, if it has not ended."""
        read, write = os.pipe()
        command = self.build_command(words, **options)  # type: ignore[arg-type]
        bwrap, rest = command[:4], command[4:]
        process = subprocess.Popen(
            [*bwrap, "--info-fd", str(write), *rest],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            pass_fds=[write],
        )
        os.close(write)
        with os.fdopen(read, encoding="utf-8") as info:
            pid = json.load(info)["child-pid"]
        try:
            yield Container(process, pid)
        finally:
            process.kill()
            process.communicate(timeout=20)


@dataclass(frozen=True, slots=True)
class Container:
    """A running container; `pid` is its PID 1 as seen from the host."""

    process: subprocess.Popen[str]
    pid: int

    def read_status(self, key: str) -> str:
        """A line of its /proc/1/status."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith(f"{key}:"))


def build_image(folder: Path) -> Image:
    """Every step of every stage of the Dockerfile. A step that fails fails the test."""
    stages = dockerfile.parse_dockerfile((REPOSITORY / "Dockerfile").read_text(encoding="utf-8"))
    context = _make_context(folder / "context")
    roots: dict[str | None, Path] = {}
    for number, stage in enumerate(stages):
        roots[stage.name] = root = _make_base_root(folder / f"stage-{number}")
        workdir = "/"
        for word, rest in stage.steps:
            if word == "WORKDIR":
                workdir = rest
                _resolve_in_root(root, workdir).mkdir(parents=True, exist_ok=True)
            elif word == "COPY":
                _run_copy(rest, context, roots, root, workdir)
            else:
                tools.run_tool(_build_step_command(root, workdir, expand_environ(stage.environ, BASE_ENVIRON), rest))
    return Image(roots[stages[-1].name], stages[-1])


def _make_context(folder: Path) -> Path:
    """Copy the build context: .dockerignore leaves out all but the paths that it names."""
    patterns = (REPOSITORY / ".dockerignore").read_text().split("\n")
    patterns = [pattern for pattern in patterns if pattern and not pattern.startswith("#")]
    assert patterns[0] == "*" and patterns[-1] == "**/__pycache__", "this test knows no other form"
    for name in patterns[1:-1]:
        source, target = REPOSITORY / name.removeprefix("!"), folder / name.removeprefix("!")
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    return folder


def _run_copy(rest: str, context: Path, roots: Mapping[str | None, Path], root: Path, workdir: str) -> None:
    *sources, target = rest.split()
    whence = context
    if sources[0].startswith("--from="):
        whence = roots[sources.pop(0).removeprefix("--from=")]
    place = _resolve_in_root(root, os.path.join(workdir, target))  # noqa: PTH118 - a place in the image, not here
    for name in sources:
        source = _resolve_in_root(whence, name)
        if source.is_dir():
            shutil.copytree(source, place, symlinks=True, dirs_exist_ok=True)
        else:
            shutil.copy(source, place / source.name if target.endswith("/") else place)


def _resolve_in_root(root: Path, place: str) -> Path:
    return root / place.lstrip("/")


def _make_base_root(root: Path) -> Path:
    """The base image: the directories that are mounted, and a Python under its usual names."""
    for name in ("usr", "etc", "proc", "dev", "tmp", "root", "run", PYTHON_FOLDER.lstrip("/")):
        (root / name).mkdir(parents=True)
    for name in ("bin", "lib", "lib64"):
        (root / name).symlink_to(f"usr/{name}")
    for name in ("python", "python3"):
        _resolve_in_root(root, f"{PYTHON_FOLDER}/{name}").symlink_to(
            Path(sys.base_prefix, "bin", f"python3.{sys.version_info.minor}")
        )
    return root


def _build_step_command(root: Path, workdir: str, environ: Mapping[str, str], script: str) -> list[str]:
    """A RUN step: as root of the image, which is writable; pip is told what this machine's pip is told."""
    ours = {key: value for key, value in os.environ.items() if key.startswith("PIP_")}
    cache = subprocess.run([sys.executable, "-m", "pip", "cache", "dir"], capture_output=True, text=True, check=True)
    mounts = ["--tmpfs", "/tmp", "--bind-try", cache.stdout.strip(), "/tmp/cache"]
    mounts += ["--ro-bind-try", "/run/systemd/resolve", "/run/systemd/resolve"]  # where resolv.conf may lead
    environ = {**ours, **environ, "PIP_CACHE_DIR": "/tmp/cache", "PIP_ROOT_USER_ACTION": "ignore"}
    return _build_sandbox_command(root, "0", "0", mounts, environ, workdir, ["sh", "-c", script])


def _build_sandbox_command(
    root: Path, uid: str, gid: str, mounts: list[str], environ: Mapping[str, str], workdir: str, words: Sequence[str]
) -> list[str]:
    base = ["--ro-bind", "/usr", "/usr", "--ro-bind", "/etc", "/etc"]
    if not Path(sys.base_prefix).is_relative_to("/usr"):
        base += ["--ro-bind", sys.base_prefix, sys.base_prefix]
    variables = [argument for key, value in environ.items() for argument in ("--setenv", key, value)]
    return [
        *tools.build_tool_command(tools.BUBBLEWRAP),
        *("--unshare-user", "--uid", uid, "--gid", gid, "--unshare-pid", "--as-pid-1", "--unshare-ipc"),
        *("--die-with-parent", "--new-session", "--bind", str(root), "/"),
        *base,
        *("--proc", "/proc", "--dev", "/dev"),
        *mounts,
        *("--clearenv", *variables, "--chdir", workdir, "--", *words),
    ]
