"""Adapters for programs that speak to a downloader of their own: each is off unless the desired state names it.

An adapter translates: a request becomes a change of the intake (`model.intake`), a torrent of the catalogue becomes a
reply. It keeps nothing, contacts nothing but through `LiveRows`, and decides nothing that the gateway would not.

See docs/decisions/0151-an-adapter-keeps-nothing.md.
"""
