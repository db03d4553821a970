"""Comments through the API of a forge, which a local server stands for."""

from __future__ import annotations

import pytest

from reconciler.ci.comments import CommentApi, CommentError
from tests.support.forge import JOB_USER, TOKEN, Forge, run_forge

MARKER = "<!-- reconcile-action 0123 -->"
STRANGER = {"login": "stranger", "type": "User"}


def write(forge: Forge, body: str, token: str = TOKEN) -> None:
    """Write our comment on pull request 7."""
    api = CommentApi({"GITHUB_API_URL": forge.url, "INPUT_TOKEN": token}, "home/torrents")
    api.write_comment(7, MARKER, f"{MARKER}\n{body}")


def test_it_is_created_once_and_then_updated_in_place() -> None:
    with run_forge() as forge:
        write(forge, "first")
        write(forge, "second")
        write(forge, "second")
        assert [comment["body"] for comment in forge.comments[7]] == [f"{MARKER}\nsecond"]
        assert [request.split()[0] for request in forge.requests] == ["GET", "POST", "GET", "PATCH", "GET"]


@pytest.mark.parametrize("has_pages", [True, False])
def test_it_is_found_behind_many_others(has_pages: bool) -> None:
    with run_forge(has_pages=has_pages) as forge:
        for number in range(230):
            forge.add_comment(7, f"comment {number}", STRANGER)
        write(forge, "first")
        forge.add_comment(7, "thanks", STRANGER)
        write(forge, "second")
        assert [comment["body"] for comment in forge.comments[7] if MARKER in comment["body"]] == [f"{MARKER}\nsecond"]


def test_a_comment_of_somebody_else_with_our_marker_is_left_alone() -> None:
    with run_forge() as forge:
        forge.add_comment(7, f"{MARKER}\nforged", STRANGER)
        forge.add_comment(7, f"quoted: {MARKER}", JOB_USER)
        write(forge, "ours")
        write(forge, "ours, again")
        assert [comment["body"] for comment in forge.comments[7]] == [
            f"{MARKER}\nforged",
            f"quoted: {MARKER}",
            f"{MARKER}\nours, again",
        ]


@pytest.mark.parametrize("user", [{"login": "robot"}, {"login": "robot", "type": "User"}])
def test_the_token_of_a_user_finds_the_comments_of_that_user(user: dict[str, str]) -> None:
    with run_forge(user=user) as forge:
        forge.add_comment(7, f"{MARKER}\nforged", {"login": "stranger", "type": "Bot"})
        write(forge, "first")
        write(forge, "second")
        assert [comment["body"] for comment in forge.comments[7]][1:] == [f"{MARKER}\nsecond"]


def test_a_comment_that_was_deleted_meanwhile_is_written_again() -> None:
    with run_forge() as forge:
        forge.add_comment(7, f"{MARKER}\nfirst")["is_deleted"] = True
        write(forge, "second")
        assert forge.comments[7][-1]["body"] == f"{MARKER}\nsecond"


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (302, "the API answered 302"),
        (403, "the API answered 403: the token may not write comments. Give the job permissions"),
        (404, "the API answered 404: the token may not see this pull request"),
        (500, "the API answered 500"),
    ],
)
def test_a_refusal_says_what_to_do_and_repeats_nothing_of_the_answer(status: int, reason: str) -> None:
    with run_forge(status=status) as forge, pytest.raises(CommentError, match=reason) as error:
        write(forge, "x")
    assert "script" not in str(error.value) and TOKEN not in str(error.value)


def test_a_wrong_token_no_token_and_no_api() -> None:
    with run_forge() as forge:
        with pytest.raises(CommentError, match="the API answered 401: the token is not valid"):
            write(forge, "x", "other")
        with pytest.raises(CommentError, match="there is no token"):
            write(forge, "x", "")
    with pytest.raises(CommentError, match="the API gave no answer that can be used: "):
        write(forge, "x")
    with pytest.raises(CommentError, match="GITHUB_API_URL is not the address of an API"):
        CommentApi({"INPUT_TOKEN": TOKEN, "GITHUB_API_URL": "file:///etc/passwd"}, "home/torrents")
