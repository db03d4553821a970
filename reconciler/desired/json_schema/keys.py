"""A description of each key of the desired state, with its default, its unit and examples, as editors show them."""

from __future__ import annotations

from typing import Final

from reconciler.desired.json_schema.descriptions import SECRET_TEXT, KeyDescription, default_of
from reconciler.desired.json_schema.gateway_keys import GATEWAY_KEY_DESCRIPTIONS
from reconciler.model.content import Content
from reconciler.model.desired import DEFAULT_OWNER, DEFAULT_STUCK_AFTER, GuardLimits, Instance
from reconciler.model.groups import Group, Member
from reconciler.model.health import HttpCheck, Probe


def _seconds_text(seconds: float) -> str:
    return f"{seconds:g}s" if seconds % 60 else f"{seconds / 60:g}m"


_MAGNET: Final = "magnet:?xt=urn:btih:08ada5a7a6183aae1e09d831df6748d566095a10&dn=Sintel"
_GUARD: Final = GuardLimits()
_Key = KeyDescription

_DOCUMENT: Final = {
    "version": _Key("The version of this format: 1. Every document needs it.", (1,)),
    "include": _Key(
        "More files of this desired state: paths and globs (*, ?, [ab], **) below the folder of this file.",
        (["torrents.yaml", "sets/*.yaml"],),
    ),
    "owner": _Key(
        "The name of this desired state: its torrents have the tag reconcile:OWNER. Letters, digits, . _ and -.",
        ("home",),
        DEFAULT_OWNER,
    ),
    "policy": _Key(
        "How far a run may go. create-only: add what is missing. upsert: also change what differs. sync: also delete "
        "torrents of this owner that are no longer declared. Required, in one of the documents; there is no default."
    ),
    "delete_files": _Key("When a torrent is deleted, also delete its downloaded data.", default=False),
    "quarantine": _Key(
        "Stop undeclared torrents first, and delete them after this time. Whole days, from 1d to 3650d. Without it "
        "they are deleted at once.",
        ("7d",),
    ),
    "stuck_after": _Key(
        "The time after which a running torrent without metadata counts as a problem: it is deferred, and the exit "
        "code is 1.",
        ("30m", "2h"),
        _seconds_text(DEFAULT_STUCK_AFTER),
    ),
    "prune_categories": _Key("Delete undeclared categories that contain no torrent, with policy: sync.", default=False),
    "guard": _Key("Limits on what one plan may delete, move and change; a plan that exceeds one is refused."),
    "suspend": _Key("Plan and report, but change nothing on any instance.", default=False),
    "accept_plan": _Key("The hash of one refused plan that may be carried out.", (f"sha256:{'0' * 64}",)),
    "instances": _Key("The qBittorrent instances, by name.", ({"home": {"url": "http://127.0.0.1:8080"}},)),
    "groups": _Key(
        "Several instances that act as one place for torrents, by name.",
        ({"resilient": {"strategy": "failover", "members": ["seedbox", "home"]}},),
    ),
    "categories": _Key(
        "Categories that should exist on every instance, by name; / separates sub-categories.",
        ({"linux": {"save_path": "/data/linux"}},),
    ),
    "defaults": _Key(
        "Values for the torrents of this document that do not set their own.", ({"category": "linux", "paused": False},)
    ),
    "torrents": _Key("The torrents that should exist.", ([{"magnet": _MAGNET}],)),
    "intake": _Key(
        "Where a sidecar keeps the torrents that services hand in, and where they go.",
        ({"file": "/state/intake.yaml", "instance": "resilient"},),
    ),
    "gateway": _Key(
        "The Web API that a sidecar speaks itself, so that services hand in torrents as to a qBittorrent.",
        ({"username": "arr", "password": {"file": "/run/secrets/gateway"}},),
    ),
}
_GUARD_KEYS: Final = {
    "max_delete": _Key("How many torrents one plan may delete on an instance.", (5,), _GUARD.max_delete),
    "max_delete_percent": _Key(
        "How many of our torrents on an instance one plan may delete, in percent; applies from 10 owned torrents on.",
        (10,),
        _GUARD.max_delete_percent,
    ),
    "max_delete_files": _Key(
        "How many torrents one plan may delete together with their data; null: the same as max_delete.",
        (0,),
        _GUARD.max_delete_files,
    ),
    "max_move": _Key("How many torrents one plan may move the data of.", (50,), _GUARD.max_move),
    "max_update_percent": _Key(
        "How many of our torrents on an instance one plan may change, in percent; applies from 20 owned torrents on. "
        "null: no limit.",
        (50,),
        _GUARD.max_update_percent,
    ),
}
_INSTANCE: Final = {
    "url": _Key(
        "The address of the Web UI, http or https; a base path is allowed, credentials are not. Also {env: NAME} or "
        "{file: PATH}.",
        ("http://127.0.0.1:8080", "https://seedbox.example/qbittorrent/"),
    ),
    "username": _Key("The user name of the Web UI. Also {env: NAME} or {file: PATH}.", ("admin",)),
    "password": _Key(f"The password of the Web UI: {SECRET_TEXT}.", ({"env": "HOME_PASSWORD"},)),
    "api_key": _Key(
        f"The key of qBittorrent 5.2 or later, instead of username and password: {SECRET_TEXT}.", ({"env": "HOME_KEY"},)
    ),
    "basic_auth": _Key("Credentials for a proxy before qBittorrent that wants HTTP basic authentication."),
    "headers": _Key(
        "Headers for a proxy before qBittorrent, by name; each value is a secret.",
        ({"CF-Access-Client-Id": {"env": "CF_ID"}},),
    ),
    "tls": _Key("The check of the certificate of an https instance."),
    "timeout": _Key("The time limits for a connection and for a reply."),
    "pool_size": _Key(
        "Connections that are kept open; requests are sent one at a time.", (4,), default_of(Instance, "pool_size")
    ),
    "categories": _Key(
        "Categories of this instance only, by name; they override the common ones.",
        ({"tv": {"save_path": "/mnt/tv"}},),
    ),
    "preferences": _Key(
        "Settings of qBittorrent, with the names of app/preferences in its Web API. Only named keys are managed.",
        ({"queueing_enabled": True},),
    ),
    "suspend": _Key("Plan and report, but change nothing on this instance.", default=default_of(Instance, "suspend")),
    "health": _Key("Conditions that the instance must meet, each item one probe.", ([{"interface": "tun0"}],)),
    "when_unhealthy": _Key(
        "What happens to our torrents while a probe fails. leave: nothing. pause: they are stopped until it passes.",
        default=default_of(Instance, "when_unhealthy").value,
    ),
    "path_map": _Key(
        "Paths of the instance, and what clients of the gateway see instead of each.", ({"/data": "/mnt/seedbox"},)
    ),
    "data": _Key(
        "A name for the files that it sees: instances that see the same at the same paths share it.", ("nas1",)
    ),
}
_PROBE: Final = {
    "tcp": _Key("A connection to HOST:PORT can be opened.", ("10.2.0.1:53", "[fd00::1]:53")),
    "http": _Key(
        "A GET request gets the expected reply: a URL, or keys and values.", ("http://127.0.0.1:9999/status",)
    ),
    "ping": _Key("The host answers an ICMP echo.", ("10.2.0.1",)),
    "interface": _Key("qBittorrent is bound to this network interface, and it exists.", ("tun0", "wg0")),
    "connection_status": _Key(
        "The connection status that qBittorrent reports, or a list of them.", ("connected", ["connected", "firewalled"])
    ),
    "external_ip": _Key("The external address that qBittorrent (5.1 or later) last detected."),
    "gluetun": _Key(
        "The VPN behind this control server of gluetun is running: a URL, or keys and values.",
        ("http://127.0.0.1:8000",),
    ),
    "timeout": _Key(
        "The time for one whole attempt: a duration with units d, h, m, s. Not for probes that query qBittorrent.",
        ("2s",),
        _seconds_text(default_of(Probe, "timeout")),
    ),
    "failure_threshold": _Key(
        "Consecutive failures until the probe fails.", (3,), default_of(Probe, "failure_threshold")
    ),
    "success_threshold": _Key(
        "Consecutive successes until it passes again.", (2,), default_of(Probe, "success_threshold")
    ),
}
_ADDRESSES: Final = {
    "must_be": _Key(
        "The external address must be one of these: an address or network, or a list.", ("203.0.113.0/24",)
    ),
    "must_not_be": _Key(
        "The external address must be none of these, such as your own at home.", ("203.0.113.7", ["2001:db8::/32"])
    ),
}
_OPTIONS: Final = {
    "download_path": _Key(
        'Where its data is while incomplete, an absolute path; "": none. qBittorrent 4.4.',
        ("/data/incomplete",),
    ),
    "auto_tmm": _Key("Automatic management: the category determines where the data is."),
    "force_start": _Key("Run regardless of the queue."),
    "sequential": _Key("Download the pieces in order."),
    "first_last_piece_first": _Key("Download the first and last pieces of each file first."),
    "super_seeding": _Key("Seed in super seeding mode."),
    "download_limit": _Key(
        "The rate limit for downloads: a number with B/s, kB/s, KiB/s, MB/s, MiB/s, GB/s or GiB/s, or unlimited.",
        ("5 MiB/s", "unlimited"),
    ),
    "upload_limit": _Key(
        "The rate limit for uploads: a number with B/s, kB/s, KiB/s, MB/s, MiB/s, GB/s or GiB/s, or unlimited.",
        ("500 KiB/s", "unlimited"),
    ),
    "share_limits": _Key("Limits of sharing, and what happens when one is reached."),
    "files": _Key(
        "Priorities of its files; the first rule that matches a file applies.",
        ([{"match": "*.nfo", "priority": "skip"}],),
    ),
    "trackers": _Key(
        "Trackers that it must have, others may be there; {only: […]}: no others.",
        (["udp://tracker.opentrackr.org:1337/announce"],),
    ),
    "comment": _Key("Its comment. qBittorrent 5.2.", ("made by us",)),
    "content_layout": _Key("How its files are laid out, at an add only. subfolder: qBittorrent 4.3.2."),
    "skip_checking": _Key("At an add only: assume that its data is complete."),
    "stop_condition": _Key("At an add only: stop by itself at this point. qBittorrent 4.5."),
    "ignore_changes": _Key(
        "Keys that are used when the torrent is added, and never compared afterwards.", (["save_path", "tags"],)
    ),
}
_TORRENT: Final = {
    "magnet": _Key("The torrent, as a magnet link: v1, v2 or hybrid.", (_MAGNET,)),
    "torrent": _Key(
        "The torrent, as a .torrent file: a path relative to this file, or a URL.",
        ("debian.torrent", "https://example.org/debian.torrent"),
    ),
    "infohash": _Key(
        "A torrent that already exists on the instance: its v1 or v2 infohash, or the id that qBittorrent shows.",
        ("08ada5a7a6183aae1e09d831df6748d566095a10",),
    ),
    "content": _Key(
        "A file or folder on the instance to create a torrent from (qBittorrent 5.0): a path, or keys and values.",
        ("/data/films/Sintel", {"path": "/data/films/Sintel", "private": True}),
    ),
    "content_of": _Key("The torrent that the content of the entry with this name became.", ("Sintel",)),
    "export": _Key("With content: where to write its .torrent file, relative to this file.", ("made/sintel.torrent",)),
    "name": _Key("The name shown in qBittorrent.", ("Sintel",)),
    "instance": _Key(
        "The instance or group where it should be. With exactly one instance, that one is the default.", ("home",)
    ),
    "category": _Key('Its category; "": none.', ("films", "")),
    "tags": _Key("Tags that it must have, others may be there; {only: […]}: no others.", (["iso"], {"only": ["iso"]})),
    "save_path": _Key("Where its data is: an absolute path, as qBittorrent sees it.", ("/data/films",)),
    "paused": _Key("true: stopped. false: running."),
    "protect": _Key("true: the tag reconcile:protect, with which no plan deletes the torrent."),
    "state": _Key("absent: the torrent should not exist, whoever owns it.", default="present"),
    "web_seeds": _Key("Web seeds that it must have.", (["https://files.example/films/"],)),
    "delete_files": _Key("With state: absent: delete its data or not, whatever the top level says."),
    "labels": _Key(
        "Texts for services and for filters, by name. Never sent to qBittorrent.",
        ({"movie_id": 12, "title": "Sintel"},),
    ),
    **_OPTIONS,
}

KEY_DESCRIPTIONS: Final[dict[str, dict[str, KeyDescription]]] = {
    "DocumentEntry": _DOCUMENT,
    "GuardEntry": _GUARD_KEYS,
    "InstanceEntry": _INSTANCE,
    "BasicAuthEntry": {
        "username": _Key("The user name for the proxy. Also {env: NAME} or {file: PATH}.", ("box",)),
        "password": _Key(f"The password for the proxy: {SECRET_TEXT}.", ({"env": "PROXY_PASSWORD"},)),
    },
    "TlsEntry": {
        "verify": _Key("Check the certificate.", default=default_of(Instance, "tls_verify")),
        "ca_file": _Key(
            "Certificates to trust, a path relative to this file; null: the system's.",
            ("ca.pem",),
            default_of(Instance, "ca_file"),
        ),
    },
    "TimeoutEntry": {
        "connect": _Key(
            "How long to wait for a connection: a duration with units d, h, m, s; at most 1d.",
            ("10s",),
            _seconds_text(default_of(Instance, "connect_timeout")),
        ),
        "read": _Key(
            "How long to wait for a reply: a duration with units d, h, m, s; at most 1d.",
            ("2m",),
            _seconds_text(default_of(Instance, "read_timeout")),
        ),
    },
    "SecretReference": {
        "env": _Key("The name of an environment variable that contains the value.", ("HOME_PASSWORD",)),
        "file": _Key("The path of a file that contains the value, relative to this file.", ("/run/secrets/home",)),
        "for": _Key(
            "The host that it may be sent to, with a port or without, or a list of them.",
            ("seedbox.example", ["seedbox.example", "10.0.0.5:8080"]),
        ),
    },
    "CategoryEntry": {
        "save_path": _Key("Where the data of its torrents is; null: not managed.", ("/data/linux",)),
        "download_path": _Key(
            "Where the data is while incomplete (qBittorrent 4.4); false: at the save path; null: not managed.",
            ("/data/incomplete", False),
        ),
    },
    "ProbeEntry": _PROBE,
    "HttpEntry": {
        "url": _Key("The URL to get; it must not contain credentials.", ("http://127.0.0.1:9999/status",)),
        "status": _Key(
            "The status codes that pass: one, or a list.", (204, [200, 204]), default_of(HttpCheck, "status")[0]
        ),
        "json": _Key("Dotted paths into the reply, and the values that they must have.", ({"vpn.connected": True},)),
    },
    "AddressesEntry": _ADDRESSES,
    "GluetunEntry": {
        "url": _Key(
            "The URL of the control server; its port is 8000 unless you changed it.", ("http://127.0.0.1:8000",)
        ),
        "api_key": _Key(f"The key for the control server: {SECRET_TEXT}.", ({"env": "GLUETUN_KEY"},)),
        "username": _Key("The user name for the control server, instead of a key.", ("me",)),
        "password": _Key(f"The password for the control server: {SECRET_TEXT}.", ({"env": "GLUETUN_PASSWORD"},)),
        **_ADDRESSES,
    },
    "GroupEntry": {
        "strategy": _Key(
            "failover: on the first member that can take a torrent. replicate: on every member. spread: on one member, "
            "which a hash of the torrent chooses."
        ),
        "members": _Key(
            "The instances, in order of preference: names, or keys and values.",
            (["seedbox", "home"], [{"name": "home", "weight": 2}]),
        ),
        "failover_after": _Key(
            "How long a member may be down before its torrents go to another one: a duration with units d, h, m, s. "
            "Not for replicate.",
            ("5m", "0s"),
            _seconds_text(default_of(Group, "failover_after")),
        ),
        "failback": _Key(
            "For failover: when a torrent returns to a member that comes before its current one.",
            default=default_of(Group, "move_policy").value,
        ),
        "rebalance": _Key(
            "For spread: when a torrent moves to the member that the hash chooses.",
            default=default_of(Group, "move_policy").value,
        ),
    },
    "MemberEntry": {
        "name": _Key("The instance.", ("home",)),
        "weight": _Key(
            "For spread: a member of weight 2 gets twice as many torrents as one of weight 1.",
            (2,),
            default_of(Member, "weight"),
        ),
        "max_torrents": _Key(
            "It takes no new torrents when it has this many, whoever owns them; null: no limit.",
            (5000,),
            default_of(Member, "max_torrents"),
        ),
        "min_free_space": _Key(
            "It takes no new torrents while it has less free space: a number with B, kB, KiB, MB, MiB, GB, GiB, TB or "
            "TiB; null: no limit.",
            ("50 GiB",),
            default_of(Member, "min_free_space"),
        ),
        "drain": _Key(
            "It takes no torrents, and its torrents move to the other members.",
            default=default_of(Member, "drain"),
        ),
    },
    **GATEWAY_KEY_DESCRIPTIONS,
    "ManagedKeys": _TORRENT,
    "TorrentEntry": _TORRENT,
    "ExactTagsEntry": {"only": _Key("All its tags; others are removed.", (["iso"],))},
    "ExactTrackersEntry": {
        "only": _Key("All its trackers; others are removed.", (["https://tracker.example/announce"],))
    },
    "ContentEntry": {
        "path": _Key("The file or folder, an absolute path as qBittorrent sees it.", ("/data/films/Sintel",)),
        "format": _Key(
            "The kind of torrent. Without it, hybrid, or v1 where qBittorrent is built on libtorrent 1.2.", ("v1",)
        ),
        "piece_size": _Key("A power of two from 16 KiB to 128 MiB. Without it, qBittorrent chooses.", ("4 MiB",)),
        "private": _Key("Private: peers come only from its trackers.", default=default_of(Content, "private")),
        "source": _Key("The field source of the torrent, by which some trackers recognize their own.", ("MINE",)),
    },
    "ShareLimitsEntry": {
        "ratio": _Key("The ratio at which the action is taken: a number, global or unlimited.", (2, 1.5, "unlimited")),
        "seeding_time": _Key(
            "The time of seeding after which it is taken: with units d, h, m, or global or unlimited.", ("14d",)
        ),
        "inactive_seeding_time": _Key(
            "The time without any upload after which it is taken: with units d, h, m, or global or unlimited. "
            "qBittorrent 4.6.",
            ("2d",),
        ),
        "action": _Key("What happens when a limit is reached. qBittorrent 5.2."),
    },
    "FileRuleEntry": {
        "match": _Key("A pattern for paths: * within a name, ** for any folders.", ("*.nfo", "Sample/**")),
        "priority": _Key("The priority of the files that match."),
    },
}
"""The keys of each mapping, by the name of its class in the schema."""
