"""The probes of an instance, and its health.

`probes` runs the probes of the network concurrently (`http_probes`, `ping_probe`); `qbittorrent_probes` evaluates what
qBittorrent itself reports; `state` is pure, and turns their results into the health of an instance. Changes nothing.
"""
