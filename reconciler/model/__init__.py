"""The vocabulary of the whole program as frozen data.

For: infohashes, magnets, desired and live torrents, snapshots, plans, outcomes and the errors an instance can
answer with. May import nothing of ours. Never does I/O, never asks for the time, never logs.
"""
