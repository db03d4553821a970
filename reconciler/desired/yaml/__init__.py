"""YAML 1.2 with the position of every value.

`parser` composes nodes with libyaml and turns its errors into plain sentences. `entries` composes the nodes of a file,
the usual entries of `torrents` without libyaml. `document` reads nodes into plain data and finds the position of any
value in it. None of them imports the schema, constructs objects from tags, or does I/O.
"""
