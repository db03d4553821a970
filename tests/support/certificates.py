"""Certificates for TLS tests."""

from __future__ import annotations

import subprocess
from pathlib import Path


def make_self_signed_certificate(folder: Path) -> Path:
    """A self-signed certificate for 127.0.0.1 with its key, in one PEM file."""
    file, public = folder / "own.pem", folder / "own.crt"
    options = "-x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256 -subj /CN=seedbox -days 2"
    command = ("openssl", "req", *options.split(), "-addext", "subjectAltName=IP:127.0.0.1")
    subprocess.run((*command, "-keyout", file, "-out", public), check=True, capture_output=True)
    file.write_text(file.read_text() + public.read_text())
    return file
