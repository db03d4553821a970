"""The pages for people: one module per page, with its view as frozen data and its template of the same name.

They are made on the server, work without scripts and below any prefix of a reverse proxy, and load nothing from another
host. Only requests with the token, or with a session that began with it, change anything.
"""
