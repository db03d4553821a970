"""Fuzz one target for a while: `python -m tests.support.fuzz TARGET SECONDS [FOLDER]`. The folder keeps all inputs."""

from __future__ import annotations

import io
import sys
import tempfile
from contextlib import redirect_stderr
from pathlib import Path

import atheris

with redirect_stderr(io.StringIO()), atheris.instrument_imports(include=["reconciler"]):  # it names each module
    from tests.support.fuzz.targets import TARGETS


def main(name: str, seconds: str, folder: str | None = None) -> None:
    """Fuzz until an input fails or the time is over. A failing input is written to a file `crash-…` of the folder."""
    target = TARGETS[name]
    corpus = Path(folder or tempfile.mkdtemp(prefix=f"fuzz-{name}-"))
    (corpus / "seeds").mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds()):
        (corpus / "seeds" / str(number)).write_bytes(seed)
    words = corpus / "words"
    words.write_text("".join('"' + "".join(f"\\x{byte:02x}" for byte in word) + '"\n' for word in target.words))
    found = corpus / "found"
    found.mkdir(exist_ok=True)
    limits = [f"-max_total_time={seconds}", "-timeout=20", "-rss_limit_mb=2048", "-max_len=8192"]
    options = [f"-artifact_prefix={corpus}/", "-print_final_stats=1", *limits]
    options += [f"-dict={words}"] if target.words else []
    atheris.Setup([sys.argv[0], *options, str(found), str(corpus / "seeds")], target.check)
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
