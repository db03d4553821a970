"""Our own REST, `/api/v1/torrents` and `/api/v1/events`, and the OpenAPI document of all of `/api/v1`.

It shows the torrents of the catalogue, and changes nothing but the intake.
"""
