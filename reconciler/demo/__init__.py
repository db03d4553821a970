"""Throwaway qBittorrent servers, and the demo that runs on them.

May import every other room. Only `cli`, the tests and the bench import it. It never touches a server that it did not
start itself.
"""
