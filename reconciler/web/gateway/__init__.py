"""qBittorrent's own Web API, spoken by the sidecar: what services hand in through it becomes desired state."""
