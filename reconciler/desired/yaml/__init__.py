"""YAML 1.2 with the position of every value.

`parser` composes nodes with libyaml and turns its errors into plain sentences. `document` reads nodes into plain data
and finds the position of any value in it. Neither imports the schema, constructs objects from tags, or does I/O.
"""
