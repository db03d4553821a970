"""Starts a command from a small process, and prints what it used, as JSON: `launcher.py OUT ERR COMMAND…`.

Linux counts in the peak memory of a program what the process had that started it, until the program takes its place.
The bench grows to hundreds of MiB, so it starts this file, which imports next to nothing, and not the command.
"""

import json
import os
import sys
import time


def main() -> None:
    """Run the command with its output in the files OUT and ERR."""
    out, err, *command = sys.argv[1:]
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    outputs = [(os.POSIX_SPAWN_OPEN, number, path, flags, 0o600) for number, path in ((1, out), (2, err))]
    started_at = time.perf_counter()
    pid = os.posix_spawn(command[0], command, os.environ, file_actions=outputs)
    _, status, usage = os.wait4(pid, 0)
    wall = time.perf_counter() - started_at
    exit_code, peak = os.waitstatus_to_exitcode(status), usage.ru_maxrss / 1024
    print(json.dumps({"exit_code": exit_code, "wall_seconds": wall, "peak_mib": peak}))


if __name__ == "__main__":
    main()
