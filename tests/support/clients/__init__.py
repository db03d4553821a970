"""Programs of others, driven through their main job against the gateway: `make clients` installs and runs them.

They are in environments of their own, which the suite does not have; so these files are not collected by themselves.
The requests that Sonarr, Radarr and cross-seed send are in the suite, as scripts: `tests/web/gateway`.
"""
