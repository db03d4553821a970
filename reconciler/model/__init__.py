"""The vocabulary of the whole program, as frozen data.

For: infohashes, magnet links, desired and live torrents, snapshots, plans, outcomes, and the errors of an instance. May
import no other package of `reconciler`. Never does I/O, never reads the clock, never logs.
"""
