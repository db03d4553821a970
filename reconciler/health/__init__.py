"""Is an instance fit to be worked on? Probes are thin I/O; what their results mean is decided by pure functions.

`machine` holds those, `history` what is known from one run to the next, `probing` runs what is asked of the network
side by side, each probe with its own timeout (`sockets`, `pinging`, `asking`), `answers` judges what qBittorrent itself
says, `checkup` puts them together with the reading of an instance. Never changes anything anywhere.
"""
