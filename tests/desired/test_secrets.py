"""Sources of secrets, and their absence from all output."""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from reconciler.desired import DesiredStateError, LoadPermissions, load
from tests.support.desired_yaml import load_problems, load_text, write_file

SECRET = "hunter2"


def instance(login: str) -> str:
    return f"version: 1\npolicy: upsert\ninstances:\n  home:\n    url: https://h\n    {login}\n"


PASSWORD = instance("username: admin\n    password: {}")


@pytest.mark.parametrize(
    "value", ["hunter2", "hunter2\n", "hunter2\r", "hunter2\r\n", "hunter2\n\n", "\ufeffhunter2\r\n"]
)
def test_line_breaks_and_a_byte_order_mark_around_a_secret_are_removed(tmp_path: Path, value: str) -> None:
    (tmp_path / "secret").write_bytes(value.encode())
    for source in ("{file: secret}", "{env: PW}", json.dumps(value)):
        home = load_text(tmp_path, PASSWORD.format(source), {"PW": value}).instances["home"]
        assert home.password is not None and home.password.reveal() == SECRET


@pytest.mark.parametrize(("source", "column"), [("{file: secret}", 22), ("{env: PW}", 21), (r'"hun\nter2"', 15)])
def test_a_line_break_inside_a_secret_is_refused(tmp_path: Path, source: str, column: int) -> None:
    (tmp_path / "secret").write_bytes(b"hun\nter2")
    (problem,) = load_problems(tmp_path, PASSWORD.format(source), {"PW": "hun\r\nter2"})
    assert problem.startswith(f"7:{column}: the password contains a line break. ")


def test_url_and_username_from_the_environment_and_from_files(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("https://seedbox.example/qbt/\n")
    text = "version: 1\npolicy: sync\ninstances:\n  home:\n"
    text += "    url: {file: url}\n    username: {env: NAME}\n    password: {env: PW}\n"
    desired = load_text(tmp_path, text, {"NAME": "admin\n", "PW": SECRET})
    home = desired.instances["home"]
    assert (home.url, home.username) == ("https://seedbox.example/qbt/", "admin")
    assert str(tmp_path / "url") in desired.files


def test_a_url_from_the_environment_is_checked_like_a_written_one(tmp_path: Path) -> None:
    text = "version: 1\npolicy: sync\ninstances: {a: {url: {env: A}}, b: {url: {env: B}}, c: {url: {env: C}}}\n"
    problems = load_problems(tmp_path, text, {"A": "http://h/", "B": "http://h", "C": "http://admin:hunter2@h"})
    assert [problem.partition(": ")[2][:40] for problem in problems] == [
        f"this server is already declared at {tmp_path}"[:40],
        "a url must not contain credentials. Use ",
    ]
    assert SECRET not in str(problems)


def test_a_url_that_this_machine_lacks_is_a_warning_where_nothing_is_contacted(tmp_path: Path) -> None:
    text = "version: 1\npolicy: upsert\ninstances:\n  a: {url: {env: A}}\n"
    text += "  b: {url: {env: B}, username: {env: C}, password: {env: D}}\n"
    desired = load([write_file(tmp_path, text)], {}, resolve_secrets=False)
    assert [warning.message for warning in desired.warnings] == [
        f"the environment variable {name} is not set" for name in "ABCD"
    ]


@pytest.mark.parametrize(
    ("url", "login", "warned"),
    [
        ("http://seedbox.example", "username: a\n    password: {env: PW}", "the password goes over plain http"),
        ("http://192.168.1.5:8080", "api_key: {env: PW}", "the api key goes over plain http"),
        ("http://127.1.2.3:8080", "api_key: {env: PW}", ""),
        ("http://[::1]:8080", "api_key: {env: PW}", ""),
        ("http://localhost:8080", "api_key: {env: PW}", ""),
        ("http://seedbox.example", "pool_size: 1", ""),
        ("https://seedbox.example", "api_key: {env: PW}", ""),
        ("https://seedbox.example", "tls: {verify: false}", "the certificate is not checked"),
        (
            "http://127.0.0.1",
            "health: [{gluetun: {url: 'http://vpn:8000', api_key: {env: PW}}}]",
            "the api key goes over",
        ),
    ],
)
def test_credentials_that_others_could_read_are_warned_of(tmp_path: Path, url: str, login: str, warned: str) -> None:
    desired = load_text(tmp_path, instance(login).replace("https://h", url), {"PW": SECRET})
    assert [warning.message[: len(warned)] for warning in desired.warnings] == ([warned] if warned else [])


def test_spaces_in_a_secret_file_belong_to_the_secret(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(" a b \n")
    password = load_text(tmp_path, PASSWORD.format("{file: secret}")).instances["home"].password
    assert password is not None and password.reveal() == " a b "


def test_an_absolute_file_and_a_variable(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET)
    for source in (f"{{file: {tmp_path}/secret}}", "{env: PW}"):
        password = load_text(tmp_path, PASSWORD.format(source), {"PW": SECRET}).instances["home"].password
        assert password is not None and password.reveal() == SECRET


@pytest.mark.parametrize("login", ["username: admin\n    password: hunter2", "api_key: 'hunter2'"])
def test_plain_text_is_taken_with_a_warning(tmp_path: Path, login: str) -> None:
    desired = load_text(tmp_path, instance(login))
    home = desired.instances["home"]
    secret = home.password or home.api_key
    assert secret is not None and secret.reveal() == SECRET
    assert [warning.message for warning in desired.warnings] == [
        f"the {'password' if home.password else 'api key'} is in plain text in this file"
    ]
    assert SECRET not in repr(desired)


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe", None])
def test_a_file_without_a_secret_in_it(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "secret").write_bytes(content)
    (problem,) = load_problems(tmp_path, PASSWORD.format("{file: secret}"))
    assert problem.startswith("7:22: the file with the password ")


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (os.mkfifo, "is not a regular file"),
        (lambda path: path.symlink_to("/dev/zero"), "is not a regular file"),
        (lambda path: path.write_bytes(b"x" * ((1 << 20) + 1)), "is larger than 1 MiB"),
    ],
)
def test_a_secret_is_read_from_a_regular_file_of_a_sensible_size(
    tmp_path: Path, make: Callable[[Path], object], reason: str
) -> None:
    make(tmp_path / "secret")
    (problem,) = load_problems(tmp_path, PASSWORD.format("{file: secret}"))
    assert problem == f"7:22: the file with the password {reason}. Check the path"


def test_validation_elsewhere_warns_of_what_is_missing_there(tmp_path: Path) -> None:
    text = PASSWORD.format("{env: NOT_HERE}") + "    tls: {ca_file: none.pem}\n"
    desired = load([write_file(tmp_path, text)], {}, resolve_secrets=False)
    assert [(warning.position.line, warning.message) for warning in desired.warnings] == [
        (7, "the environment variable NOT_HERE is not set"),
        (8, "there is no such CA file"),
    ]
    assert desired.instances["home"].password is None


def test_validation_elsewhere_still_finds_what_is_wrong_everywhere(tmp_path: Path) -> None:
    with pytest.raises(DesiredStateError):
        load([write_file(tmp_path, PASSWORD.format("{env: A, file: b}"))], {}, resolve_secrets=False)


def shown(error: BaseException) -> str:
    """Everything that a log of this error might print, chained errors and all."""
    text = "".join(traceback.format_exception(error)) + repr(error)
    exception: BaseException | None = error
    while exception is not None:
        text += repr(exception.args) + str(exception)
        exception = exception.__cause__ or exception.__context__
    return text


LEAKY = [
    "{}",
    '"{}"',
    "[{}]",
    "{{{}}}",
    "{{env: {}-}}",
    "{{env: [{}]}}",
    "{{{}: env}}",
    "{{file: [{}]}}",
    "{{{0}: 1, {0}: 2}}",
    "*{}",
    "&{} x",
    "!{} x",
    "@{}",
    "%{}",
    "`{}",
    "'{}",
    '"{}',
    "{}: x",
    "- {}",
    "{{? {}}}",
    "|x {}",
    "0 {}\n    {}",
]


@pytest.mark.parametrize("key", ["password", "api_key"])
@pytest.mark.parametrize("form", LEAKY)
def test_a_secret_in_the_wrong_form_is_never_shown(tmp_path: Path, key: str, form: str) -> None:
    text = instance(f"{key}: {form.format(SECRET, SECRET)}\n    bogus: 1")  # there is always a problem
    with pytest.raises(DesiredStateError) as error:
        load([write_file(tmp_path, text)], {"A": SECRET})
    assert SECRET not in shown(error.value)


@pytest.mark.parametrize(
    "url", [f"http://u:{SECRET}@h", f"//{SECRET}", f"http://h/?{SECRET}", f"[{SECRET}]", f"http://[{SECRET}"]
)
def test_a_credential_in_a_url_is_never_shown(tmp_path: Path, url: str) -> None:
    with pytest.raises(DesiredStateError) as error:
        load_text(tmp_path, f"version: 1\npolicy: sync\ninstances: {{home: {{url: '{url}'}}}}\n")
    assert SECRET not in shown(error.value)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=st.text("{}[]*&!|>%@`'\",:? -\n#ab0", max_size=6), after=st.text("{}[]'\",:? -\n#ab0", max_size=6))
@example(before="{ ", after=": , x: }")
def test_nothing_around_a_secret_makes_it_show(tmp_path: Path, before: str, after: str) -> None:
    text = instance(f"username: admin\n    bogus: 1\n    password: {before}{SECRET}{after}")
    with pytest.raises(DesiredStateError) as error:
        load_text(tmp_path, text)
    # a line break may turn it into a key of its own, which then is no secret any more
    if "\n" not in before and "#" not in before and "," not in before + after and "}" not in before:
        assert SECRET not in shown(error.value)


def test_references_are_kept_as_they_are_written_and_nothing_is_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET)
    text = PASSWORD.format("{file: secret}").replace("https://h", "{env: URL}").replace("admin", "{env: NAME}")
    text += "    basic_auth: {username: {env: NAME}, password: {env: PW}}\n    headers: {X: {file: secrét}}\n"
    text += "    preferences: {proxy_password: {env: PW}, save_path: {env: FOLDER}}\n"
    file = write_file(tmp_path, text)
    permissions = LoadPermissions(reads_secrets=False)
    home = load([file], {"PW": SECRET}, resolve_secrets=False, permissions=permissions).instances["home"]
    assert home.password is not None and home.password.reveal() == "{file: secret}"
    assert home.username == "{env: NAME}"
    assert home.basic_auth is not None and home.basic_auth.password.reveal() == "{env: PW}"
    assert home.headers["X"].reveal() == "{file: secrét}"
    assert [str(p.value) for p in home.preferences.values()] == ["***", "***"]
    assert home.url == "http://unresolved.invalid/%7Benv%3A%20URL%7D"
