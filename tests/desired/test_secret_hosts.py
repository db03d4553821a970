"""Secrets go only to the hosts that their references name, and that the file of `--secrets-for` allows."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.desired import DesiredStateError, LoadPermissions, load
from reconciler.model.desired import DesiredState
from tests.support.desired_yaml import write_file

ENVIRON = {"PW": "hunter2", "TOKEN": "hunter2", "URL": "https://seedbox.example/qbt"}
HEAD = "version: 1\npolicy: upsert\ninstances:\n  box:\n"


def load_locked(folder: Path, text: str, lock: str | None = None, *, offline: bool = False) -> DesiredState:
    """Load a file, with a lock in another folder."""
    secrets_file = None
    if lock is not None:
        (folder / "ci").mkdir(exist_ok=True)
        secrets_file = write_file(folder / "ci", lock, "secrets.yaml")
    permissions = LoadPermissions(secrets_file)
    return load([write_file(folder, text)], ENVIRON, resolve_secrets=not offline, permissions=permissions)


def list_problems(folder: Path, text: str, lock: str | None = None, *, offline: bool = False) -> list[str]:
    with pytest.raises(DesiredStateError) as error:
        load_locked(folder, text, lock, offline=offline)
    assert "hunter2" not in str(error.value)
    return [str(problem).removeprefix(f"{folder}/") for problem in error.value.problems]


def instance(url: str, login: str) -> str:
    return f"{HEAD}    url: {url}\n    {login}\n"


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        ("https://seedbox.example/qbt", "seedbox.example"),
        ("https://SeedBox.example.", "seedbox.EXAMPLE"),
        ("https://seedbox.example", "'seedbox.example:443'"),
        ("http://seedbox.example:8080", "'seedbox.example:8080'"),
        ("http://seedbox.example:8080", "seedbox.example"),
        ("http://10.0.0.5", "[home.lan, 10.0.0.5]"),
        ("'http://[::1]:8080'", "'::1'"),
        ("'http://[0:0::1]:8080'", "'[::1]:8080'"),
        ("{env: URL, for: seedbox.example}", "seedbox.example"),
        ("{env: NOT_HERE}", "seedbox.example"),
    ],
)
def test_a_secret_is_used_for_its_hosts(tmp_path: Path, url: str, hosts: str) -> None:
    text = instance(url, f"api_key: {{env: PW, for: {hosts}}}")
    assert load_locked(tmp_path, text, offline="NOT_HERE" in url).instances["box"].api_key is not None


@pytest.mark.parametrize(
    ("url", "hosts", "host"),
    [
        ("https://evil.example", "seedbox.example", "evil.example"),
        ("https://seedbox.example.evil.example", "seedbox.example", "seedbox.example.evil.example"),
        ("https://a.seedbox.example", "seedbox.example", "a.seedbox.example"),
        ("http://seedbox.example", "'seedbox.example:443'", "seedbox.example"),
        ("http://127.0.0.1:8080", "localhost", "127.0.0.1:8080"),
        ("{env: URL}", "home.lan", "seedbox.example"),
    ],
)
def test_a_secret_for_another_host_is_refused(tmp_path: Path, url: str, hosts: str, host: str) -> None:
    (problem,) = list_problems(tmp_path, instance(url, f"api_key: {{env: PW, for: {hosts}}}"))
    name = hosts.strip("'")
    assert problem == (
        f"desired.yaml:6:20: the api key is for {name}, and it would be sent to {host}. "
        "Correct the url, or the hosts of the secret"
    )


def test_every_value_from_a_variable_has_hosts(tmp_path: Path) -> None:
    lines = (
        "url: {env: URL, for: home.lan}",
        "username: {env: PW, for: home.lan}",
        "password: {file: secret, for: home.lan}",
        "basic_auth: {username: {env: PW, for: home.lan}, password: {env: PW, for: home.lan}}",
        "headers: {X-Key: {env: PW, for: home.lan}}",
        "preferences: {proxy_password: {env: PW, for: home.lan}, autorun_program: {env: PW, for: home.lan}}",
        "health: [{gluetun: {url: 'https://vpn.lan', api_key: {env: PW, for: home.lan}}}]",
    )
    (tmp_path / "secret").write_text("hunter2")
    problems = list_problems(tmp_path, HEAD + "".join(f"    {line}\n" for line in lines))
    assert [problem.split(" ", 1)[1].partition(" is for")[0] for problem in problems] == ["the url", "the api key"]
    with_url = (lines[0].replace("home.lan", "seedbox.example"), *lines[1:])
    problems = list_problems(tmp_path, HEAD + "".join(f"    {line}\n" for line in with_url))
    assert [problem.split(" ", 1)[1].partition(" is for")[0] for problem in problems] == [
        *("the username", "the password", "the username", "the password", "the X-Key"),
        *("the proxy password", "the autorun program", "the api key"),
    ]


@pytest.mark.parametrize(
    "hosts", ["", "[]", "[1]", "1", "'https://h'", "h/path", "'h:99999999'", "a b", "u@h", "'[x]'", "{}"]
)
@pytest.mark.parametrize("key", ["api_key: {env: PW, for: HOSTS}", "preferences: {proxy_ip: {env: PW, for: HOSTS}}"])
def test_hosts_that_are_none(tmp_path: Path, key: str, hosts: str) -> None:
    (problem,) = list_problems(tmp_path, instance("https://h", key.replace("HOSTS", hosts)))
    assert "this " in problem and ("the name of a host" in problem or "{env: NAME}" in problem)


LOCK = "env: {PW: seedbox.example, URL: [seedbox.example]}\nfile: {pw: 'seedbox.example:443'}\n"


def test_a_lock_allows_what_it_lists(tmp_path: Path) -> None:
    (tmp_path / "ci").mkdir()
    (tmp_path / "ci" / "pw").write_text("hunter2")
    (tmp_path / "link").symlink_to(tmp_path / "ci" / "pw")
    for login in (
        "api_key: {env: PW}",
        "api_key: {env: PW, for: seedbox.example}",
        f"api_key: {{file: {tmp_path}/ci/pw}}",
        "api_key: {file: ci/../ci/pw}",
        "api_key: {file: link}",
    ):
        desired = load_locked(tmp_path, instance("https://seedbox.example", login), LOCK)
        assert desired.instances["box"].api_key is not None
        assert str(tmp_path / "ci" / "secrets.yaml") in desired.files
    assert load_locked(tmp_path, instance("{env: URL}", "pool_size: 1"), LOCK).instances["box"].url == ENVIRON["URL"]


@pytest.mark.parametrize("offline", [False, True])
@pytest.mark.parametrize(
    ("url", "login", "problem"),
    [
        (
            "https://seedbox.example",
            "api_key: {env: TOKEN, for: seedbox.example}",
            (
                "6:20: LOCK does not list this variable, so it is not used. "
                "The person who runs the command can add it there"
            ),
        ),
        ("https://seedbox.example", "api_key: {file: /etc/hostname}", "6:21: LOCK does not list this file"),
        ("https://seedbox.example", "api_key: {file: PW}", "6:21: LOCK does not list this file"),
        ("{env: TOKEN}", "pool_size: 1", "5:16: LOCK does not list this variable"),
        ("https://seedbox.example", "preferences: {proxy_ip: {env: TOKEN}}", "6:35: LOCK does not list this variable"),
        (
            "https://evil.example",
            "api_key: {env: PW, for: evil.example}",
            (
                "6:20: the api key is for seedbox.example, and it would be sent to evil.example. "
                "The person who runs the command can change that in LOCK"
            ),
        ),
        ("http://seedbox.example", "api_key: {file: ci/pw}", "6:21: the api key is for seedbox.example:443, and it"),
    ],
)
def test_a_lock_refuses_all_else(tmp_path: Path, url: str, login: str, problem: str, offline: bool) -> None:
    (tmp_path / "ci").mkdir()
    (tmp_path / "ci" / "pw").write_text("hunter2")
    (found,) = list_problems(tmp_path, instance(url, login), LOCK, offline=offline)
    expected = problem.replace("LOCK", str(tmp_path / "ci" / "secrets.yaml"))
    assert found.startswith(f"desired.yaml:{expected}")


def test_plain_text_is_no_secret_of_the_machine(tmp_path: Path) -> None:
    desired = load_locked(tmp_path, instance("https://evil.example", "api_key: theirs"), "env: {}\n")
    assert desired.instances["box"].api_key


@pytest.mark.parametrize(
    ("lock", "problem"),
    [
        ("", "1:1: this file must contain one document"),
        ("- PW\n", '1:1: this file must contain "env" and "file", each with names and their hosts'),
        ("envs: {PW: h}\n", '1:1: this file must contain "env" and "file"'),
        ("env: PW\n", '1:1: this file must contain "env" and "file"'),
        ("env: {PW: 'https://h'}\n", "1:11: this is not the name of a host"),
        ("env: {PW: }\n", "1:11: this must be the name of a host, or a list of them"),
        ("env: {PW: h, PW: i}\n", '1:14: "PW" appears twice in one mapping'),
        ("env: {PW: h\n", "1:6: a mapping that begins with"),
        ("env: {PW: h}\n---\nenv: {PW: i}\n", "1:1: this file must contain one document"),
    ],
)
def test_a_lock_that_is_wrong_allows_nothing(tmp_path: Path, lock: str, problem: str) -> None:
    problems = list_problems(tmp_path, instance("https://h", "api_key: {env: OTHER}"), lock)
    assert any(text.startswith(f"ci/secrets.yaml:{problem}") for text in problems), problems
    assert any("does not list this variable" in text for text in problems)


def test_a_lock_that_is_missing_allows_nothing(tmp_path: Path) -> None:
    missing, device = tmp_path / "none.yaml", Path("/dev/zero")
    for path, reason in ((missing, "No such file or directory"), (device, "not a regular file")):
        with pytest.raises(DesiredStateError) as error:
            load(
                [write_file(tmp_path, instance("https://h", "api_key: {env: PW}"))],
                ENVIRON,
                permissions=LoadPermissions(path),
            )
        assert any(reason in str(problem) for problem in error.value.problems)
        assert len(error.value.problems) == 2
