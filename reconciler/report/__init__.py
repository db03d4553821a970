"""Reports of a run, a status or an invalid desired state: text, JSON, Markdown and GitHub annotations.

May import `model` only. Decides nothing about torrents, and does no I/O but writing to the stream it is given.
Text from a torrent, a server or a file is sanitized on its way out: see `sanitize`.
"""
