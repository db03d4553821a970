"""Files that cannot be read, or not as a person meant it."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.desired import DesiredStateError, files, load
from reconciler.model.desired import Policy
from tests.support.desired_yaml import BUNNY, HEAD, SINTEL, write_file


def problems(*paths: Path) -> list[str]:
    with pytest.raises(DesiredStateError) as error:
        load(list(paths), {})
    return [str(problem) for problem in error.value.problems]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", '1:1: this file is empty. Begin it with "version: 1"'),
        (b" \n\r\n", "1:1: this file is empty"),
        (b"\xef\xbb\xbf", "1:1: this file is empty"),
        (b"# only\n# comments\n", "1:1: this file contains only comments"),
        (b"---\n", "2:1: this document is empty"),
        ("version: 1\n".encode("utf-16"), "1:1: this file is encoded as UTF-16. Save it as UTF-8"),
        (b"version: 1\nowner: \xc3\xa9\xff\n", "2:9: this byte is not UTF-8"),
        (b"version: 1\nowner: '\x00'\n", "2:9: the control character U+0000 is not allowed in YAML"),
        (b"\x00" * 1000, "1:1: the control character U+0000 is not allowed in YAML"),
        (bytes(range(256)), "1:129: this byte is not UTF-8"),
        (b"\x89PNG\r\n\x1a\n", "1:1: this byte is not UTF-8"),
    ],
)
def test_odd_content(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "odd.yaml"
    path.write_bytes(content)
    if content == bytes(range(256)):  # a line feed is among them
        expected = expected.replace("1:129", "2:118")
    (problem,) = problems(path)
    assert problem.startswith(f"{path}:{expected}")


def test_paths_that_are_no_files(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "gone.yaml").symlink_to(tmp_path / "nowhere")
    assert problems(tmp_path / "no.yaml") == [f"{tmp_path}/no.yaml:1:1: there is no such file. Check the path"]
    assert problems(tmp_path / "empty") == [f"{tmp_path}/empty:1:1: this directory contains no *.yaml or *.yml file"]
    assert problems(tmp_path / "gone.yaml") == [f"{tmp_path}/gone.yaml:1:1: there is no such file. Check the path"]
    assert "cannot be read" in problems(tmp_path / "loop")[0]
    assert problems(Path("a\0b")) == ["desired state:1:1: a path contains a NUL character. Check the path"]
    assert problems() == ["desired state:1:1: no file was given"]


def test_a_file_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: Path, _max_bytes: int) -> bytes:  # a mode would not stop root, which tests may run as
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    path = write_file(tmp_path, HEAD)
    monkeypatch.setattr(files, "read_regular_file", refuse)
    assert problems(path) == [f"{path}:1:1: this file cannot be read: Permission denied"]


@pytest.mark.timeout(20)
def test_only_regular_files_within_their_folder_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "desired"
    folder.mkdir()
    write_file(folder, f"{HEAD}torrents: []\n", "a.yaml")
    (tmp_path / "elsewhere").write_text("s3cret: line\n")
    for name, target in (("out", tmp_path / "elsewhere"), ("passwd", Path("/etc/passwd")), ("zero", Path("/dev/zero"))):
        (folder / f"{name}.yaml").symlink_to(target)
    os.mkfifo(folder / "pipe.yaml")
    (folder / "huge.yaml").touch()
    os.truncate(folder / "huge.yaml", 1 << 40)
    (tmp_path / "etc").symlink_to("/etc")
    messages = problems(folder, folder / "out.yaml", tmp_path / "etc", Path("/dev/zero"))
    leads_out = "a link leads out of its folder here, and is not followed"
    assert [message.removeprefix(f"{tmp_path}/").partition(". ")[0] for message in messages] == [
        "/dev/zero:1:1: this file is not read: it is not a regular file",
        "desired/huge.yaml:1:1: this file is not read: it is larger than 256 MiB",
        f"desired/out.yaml:1:1: {leads_out}",
        f"desired/passwd.yaml:1:1: {leads_out}",
        "desired/pipe.yaml:1:1: this file is not read: it is not a regular file",
        f"desired/zero.yaml:1:1: {leads_out}",
        f"etc:1:1: {leads_out}",
    ]
    with pytest.raises(DesiredStateError) as error:
        load([folder], {})
    assert all(problem.of_file for problem in error.value.problems), "no report quotes a line of such a file"


def test_the_links_of_a_mounted_configmap_and_of_git_sync_are_followed(tmp_path: Path) -> None:
    folder = tmp_path / "config"
    (folder / "..2026").mkdir(parents=True)
    (folder / "..data").symlink_to("..2026")
    write_file(folder / "..2026", f"{HEAD}torrents: []\n", "a.yaml")
    (folder / "a.yaml").symlink_to("..data/a.yaml")
    (tmp_path / "current").symlink_to("config")
    for path in (folder, folder / "a.yaml", tmp_path / "current", tmp_path / "current" / "a.yaml"):
        assert load([path], {}).policy is Policy.SYNC


def test_one_file_given_twice_is_said_once_and_read_once(tmp_path: Path) -> None:
    path = write_file(tmp_path, f'{HEAD}torrents: [{{magnet: "{SINTEL}"}}]\n')
    (problem,) = problems(tmp_path, path)
    assert problem == f"{path}:1:1: this is the same file as {path}. Name it once"


def test_all_problems_of_all_files_at_once_by_position(tmp_path: Path) -> None:
    first = write_file(tmp_path, f'{HEAD}torrents: [{{magnet: "{SINTEL}", pausd: 1}}]\nowner: protect\n', "a.yaml")
    second = write_file(tmp_path, "version: 1\ntorrents: [\n", "b.yaml")
    third = write_file(tmp_path, f'version: 1\npolicy: sync\ntorrents: [{{magnet: "{BUNNY}", paused: 1}}]\n', "c.yaml")
    messages = problems(third, tmp_path / "missing.yaml", second, first)
    positions = [line.removeprefix(f"{tmp_path}/").split(": ")[0] for line in messages]
    assert positions == [
        "a.yaml:2:1",  # the policy: c.yaml comes first and has one already
        "a.yaml:4:85",
        "a.yaml:5:8",
        "b.yaml:3:1",
        "c.yaml:3:93",
        "missing.yaml:1:1",
    ]


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "make",
    [
        lambda: HEAD + "torrents: " + "[" * 50_000,
        lambda: HEAD + "torrents: " + "{a: " * 50_000,
        lambda: HEAD + "torrents:\n  " + "- " * 50_000 + "x",
        lambda: HEAD + "? " * 50_000,
        lambda: HEAD + "".join(" " * depth + "a:\n" for depth in range(500)),
        lambda: HEAD + bomb("[{}]", ", ") + "torrents: *x40\n",
        lambda: HEAD + bomb("{{<<: [{}]}}", ", ") + "defaults: *x40\n",
        lambda: HEAD + bomb("{{<<: [{}]}}", ", ") + "zzz: *x40\nyyy: {<<: *x40}\n",
        lambda: HEAD + "".join(f"x{n}: &x{n} [{'*x' + str(n - 1) if n else 'a'}]\n" for n in range(3000)),
        lambda: HEAD + "z: {<<: [&x0 {k: v}" + "".join(f", &x{n} {{k: *x{n - 1}}}" for n in range(1, 1500)) + "]}\n",
        lambda: HEAD + "z: &z {a: *z, <<: *z, b: [*z, *z]}\n",
        lambda: HEAD + "&a a: &b {*b : *b}\n",
        lambda: HEAD + "guard: {max_delete: " + "9" * 100_000 + "}\n",
        lambda: HEAD + "owner: *" + "a" * 100_000 + "\n",
        lambda: HEAD + "owner: " + "a: " * 50_000,
        lambda: HEAD + "torrents:\n" + "- {magnet: 1, bogus: 2, paused: yes}\n" * 5_000,
        lambda: "---\n" * 5_000,
    ],
)
def test_hostile_files_give_a_clear_error_soon(tmp_path: Path, make: Callable[[], str]) -> None:
    assert problems(write_file(tmp_path, make()))


def bomb(form: str, comma: str) -> str:
    """Forty levels, each ten times as large as the previous."""
    lines = ["x0: &x0 {a: 1, b: 2}\n"]
    lines += [f"x{n}: &x{n} {form.format(comma.join([f'*x{n - 1}'] * 10))}\n" for n in range(1, 41)]
    return "".join(lines)


@pytest.mark.timeout(60)
def test_ten_thousand_torrents_load(tmp_path: Path) -> None:
    entries = "".join(f"  - magnet: magnet:?xt=urn:btih:{n:040x}\n    tags: [a, b]\n" for n in range(1, 10_001))
    assert len(load([write_file(tmp_path, HEAD + "torrents:\n" + entries)], {}).torrents) == 10_000


def test_a_desired_state_names_every_file_it_came_from(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret\n")
    (tmp_path / "ca.pem").write_text("a certificate")
    (tmp_path / "a.yaml").write_text(
        "version: 1\npolicy: sync\ninstances:\n  box:\n    url: https://box\n    username: u\n"
        "    password: {file: secret}\n    tls: {ca_file: ca.pem}\n"
    )
    (tmp_path / "b.yml").write_text("version: 1\ntorrents: []\n")
    expected = {str(tmp_path / name) for name in ("a.yaml", "b.yml", "secret", "ca.pem")}
    assert set(load([tmp_path], {}).files) == expected

    (tmp_path / "secret").unlink()
    with pytest.raises(DesiredStateError) as broken:
        load([tmp_path], {})
    assert set(broken.value.files) == expected, "what is missing may come back"
