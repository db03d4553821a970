"""Real git repositories for tests."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Repository:
    """A git repository in a folder, with its own configuration only."""

    folder: Path

    @classmethod
    def create(cls, folder: Path) -> Repository:
        """Make an empty repository."""
        repository = cls(folder)
        repository.run("init", "-q", "-b", "main")
        with (folder / ".git" / "config").open("a", encoding="utf-8") as config:
            config.write("[user]\nname = test\nemail = test@example.org\n[commit]\ngpgsign = false\n")
            config.write("[maintenance]\nauto = false\n")  # a process after each commit
        return repository

    def run(self, *arguments: str) -> str:
        """Run git in it and return its output."""
        done = subprocess.run(["git", *arguments], cwd=self.folder, capture_output=True, check=True, text=True)
        return done.stdout.strip()

    def write(self, files: dict[str, str | bytes]) -> None:
        """Write files."""
        for path, content in files.items():
            target = self.folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content.encode() if isinstance(content, str) else content)

    def commit(self, files: dict[str, str | bytes] | None = None) -> str:
        """Write files, commit everything, and return the commit."""
        self.write(files or {})
        self.run("add", "-A")
        self.run("commit", "-q", "--allow-empty", "-m", "change")
        return self.run("rev-parse", "HEAD")
