"""A chaos run: schedules from a seed, in which servers, networks, machines and people do their worst.

A schedule (`schedule`) has a desired state and foreign torrents on real servers (`world`), and some rounds of edits,
changes by hand, and runs under faults (`faults`, `proxy`, `rounds`). Then the faults end, and what is on the servers
must be what is declared.
"""
