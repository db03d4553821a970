"""What people and machines read of a run, a status or an invalid desired state: text, JSON, Markdown, annotations.

May import `model` only. Decides nothing about torrents, and does no I/O but writing to the stream it is given.
Whatever comes from a torrent, a server or a file is made harmless on its way out: see `safe`.
"""
