"""Throwaway real qBittorrent servers, and the story that `reconcile demo` tells on them.

May import everything of ours; nothing but `cli`, the tests and the bench import it. Never touches a server that it
did not start itself.
"""
