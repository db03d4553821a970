"""Tags of the instance itself, on torrents and on none."""

from __future__ import annotations

import secrets

from reconciler.model.snapshot import AddOptions
from reconciler.model.versions import TAGS_AT_ADD
from tests.support.conformance_subject import ConformanceSubject


def new_tag() -> str:
    """A tag that nothing else uses."""
    return f"reconcile:lease:{secrets.token_hex(4)}/a.b_c-d/20261128T220105Z"


def test_tags_on_no_torrent_are_created_and_deleted(subject: ConformanceSubject) -> None:
    first, second, missing = new_tag(), new_tag(), new_tag()
    subject.target.create_tags([first, f" {second} "])
    subject.target.create_tags([first])
    assert subject.target.read_tags() >= {first, second}
    subject.target.delete_tags([first, missing])
    assert subject.target.read_tags() & {first, second, missing} == {second}


def test_tags_of_torrents_are_tags_of_the_instance_until_they_are_deleted(subject: ConformanceSubject) -> None:
    at_add, later = new_tag(), new_tag()
    (key,) = subject.add_torrents(options=AddOptions(stopped=True, auto_tmm=False, tags=(at_add,)))
    subject.target.add_tags([key], [later])
    subject.wait_until([key], lambda torrents: later in torrents[0].tags)
    known = {at_add, later} if subject.build.has(TAGS_AT_ADD) else {later}
    assert subject.target.read_tags() & {at_add, later} == known
    subject.target.remove_tags([key], [later])
    subject.wait_until([key], lambda torrents: later not in torrents[0].tags)
    assert later in subject.target.read_tags()
    subject.target.add_tags([key], [later])
    subject.target.delete_tags([at_add, later])
    subject.wait_until([key], lambda torrents: not torrents[0].tags & {at_add, later})
    assert not subject.target.read_tags() & {at_add, later}


def test_tags_of_deleted_torrents_remain(subject: ConformanceSubject) -> None:
    tag = new_tag()
    (key,) = subject.add_torrents()
    subject.target.add_tags([key], [tag])
    subject.target.delete_torrents([key], delete_files=False)
    subject.wait_until([key], lambda torrents: not torrents)
    assert tag in subject.target.read_tags()
