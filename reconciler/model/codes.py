"""The codes of everything that can be wrong with a desired state: `E…` makes it invalid, `W…` is a warning.

A code is stable: it is never given to another kind of problem. `desired/problems.md` has the page of each.
"""

from __future__ import annotations

from typing import Final


class Code:
    """The kinds of problems. Plain constants: an enumeration would cost each command a millisecond."""

    # Files
    FILE_MISSING: Final = "E001"
    FILE_UNREADABLE: Final = "E002"
    LINK_LEADS_OUT: Final = "E003"
    FILE_EMPTY: Final = "E004"
    FILE_NOT_UTF8: Final = "E005"
    FILE_TWICE: Final = "E006"
    SECRETS_FOR_FILE: Final = "E007"
    TOO_MANY_PROBLEMS: Final = "E008"
    INCLUDE: Final = "E009"

    # YAML
    YAML_OTHER: Final = "E010"
    YAML_COLON: Final = "E011"
    YAML_QUOTE: Final = "E012"
    YAML_INDENTATION: Final = "E013"
    YAML_BRACKET: Final = "E014"
    YAML_TAB: Final = "E015"
    YAML_SPECIAL_CHARACTER: Final = "E016"
    YAML_ESCAPE: Final = "E017"
    YAML_ANCHOR_TWICE: Final = "E018"
    YAML_CONTROL_CHARACTER: Final = "E019"
    YAML_KEY: Final = "E020"
    YAML_DUPLICATE_KEY: Final = "E021"
    YAML_TAG: Final = "E022"
    YAML_MERGE: Final = "E023"
    YAML_TOO_LARGE: Final = "E024"
    PLACEHOLDER: Final = "E025"

    # Keys and the kinds of their values
    UNKNOWN_KEY: Final = "E030"
    MISSING_KEY: Final = "E031"
    MISSING_VALUE: Final = "E032"
    WRONG_SHAPE: Final = "E033"
    NOT_TEXT: Final = "E034"
    NOT_A_FLAG: Final = "E035"
    NOT_A_CHOICE: Final = "E036"
    NOT_A_NUMBER: Final = "E037"
    MISPLACED_KEY: Final = "E038"
    DEFINED_TWICE: Final = "E039"

    # The document
    VERSION: Final = "E040"
    NO_POLICY: Final = "E041"
    NO_INSTANCE: Final = "E042"
    NAME: Final = "E043"
    QUARANTINE: Final = "E044"
    PLAN_HASH: Final = "E045"

    # Values of several keys
    DURATION: Final = "E050"
    SIZE: Final = "E051"
    RATE: Final = "E052"
    SHARE_LIMIT: Final = "E053"
    ONE_LINE: Final = "E054"
    PATH: Final = "E055"
    CATEGORY: Final = "E056"
    TAG: Final = "E057"
    URL: Final = "E058"

    # Instances
    NO_URL: Final = "E060"
    LOGIN: Final = "E061"
    SAME_SERVER: Final = "E062"
    VARIABLE_NAME: Final = "E063"
    SECRET_MISSING: Final = "E064"
    SECRET: Final = "E065"
    SECRET_HOST: Final = "E066"
    HEADER: Final = "E067"
    CA_FILE: Final = "E068"
    UNKNOWN_PREFERENCE: Final = "E070"
    REFUSED_PREFERENCE: Final = "E071"
    PREFERENCE_VALUE: Final = "E072"
    LINKED_PREFERENCES: Final = "E073"
    PROBE: Final = "E075"
    PROBE_VALUE: Final = "E076"
    USELESS_HEALTH_KEY: Final = "E077"

    # Groups
    GROUP_MEMBERS: Final = "E080"
    USELESS_GROUP_KEY: Final = "E081"
    GROUP_NAME: Final = "E082"

    # Torrents
    SOURCE_COUNT: Final = "E090"
    MAGNET: Final = "E091"
    TORRENT_LOCATION: Final = "E092"
    TORRENT_FILE: Final = "E093"
    INFOHASH: Final = "E094"
    DUPLICATE_TORRENT: Final = "E095"
    UNKNOWN_INSTANCE: Final = "E096"
    WHICH_INSTANCE: Final = "E097"
    ABSENT_WITH_KEYS: Final = "E098"
    CONTRADICTION: Final = "E099"
    GLOB: Final = "E100"
    UNREACHED_RULE: Final = "E101"
    IGNORED_KEY: Final = "E102"
    COMMENT: Final = "E103"
    CONTENT_WITH_PATH: Final = "E104"
    CONTENT_OF: Final = "E105"
    CONTENT_IN_GROUP: Final = "E106"
    EXPORT: Final = "E107"
    LABEL: Final = "E108"

    # Intake and gateway
    INTAKE_FILE: Final = "E110"
    NO_INTAKE: Final = "E111"
    GATEWAY_LOGIN: Final = "E112"
    GATEWAY_VALUE: Final = "E113"
    PATH_MAP: Final = "E114"

    # Warnings
    PLAIN_SECRET: Final = "W001"
    EXPOSED_CREDENTIALS: Final = "W002"
    CUT_TEXT: Final = "W003"
    DEFAULT_OWNER: Final = "W004"
    UNMATCHED_RULE: Final = "W005"
    KEPT_COPY: Final = "W006"
    REMOVING_LIMIT: Final = "W007"
    NOT_COMPARED: Final = "W008"
    INTAKE_MISSING: Final = "W009"
    SHADOWED: Final = "W010"
    LONE_DATA: Final = "W011"
