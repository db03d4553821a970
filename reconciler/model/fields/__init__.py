"""The fields of a torrent by kind, the registry of them all, and the values that entries declare for them."""
