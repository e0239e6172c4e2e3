#!/usr/bin/env python3
"""Holds the bridge to its promise: through all of these it answers /health within a second and stays below 200 MiB.

usage: tests/load/run.py PROGRAM [SCENARIO...]

Takes minutes and up to a million files (BRIDGE_LOAD_FILES) under /tmp, so it is no part of `cargo test`. Prints a Markdown table; ends with 1
when a promise was broken.
"""

import os
import resource
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from scenarios import SCENARIOS
from server import Server, Watcher

SLOWEST = 1.0
MEMORY = 200


def run(program, function, settings):
    server = Server(program, **settings)
    watcher = Watcher(server)
    try:
        seen = function(server)
    finally:
        slowest, lost, most = watcher.result()
        code = server.stop()
    kept = slowest <= SLOWEST and lost == 0 and most < MEMORY and code == 0 and not seen.endswith(" processes left") \
        or seen.endswith("; 0 processes left") and slowest <= SLOWEST and lost == 0 and most < MEMORY and code == 0
    name = function.__name__.replace("_", " ")
    lost = f", {lost} lost" if lost else ""
    print(f"| {name} | {slowest * 1000:.0f} ms{lost} | {most} MiB | {seen}{'' if kept else ' **broken**'} |", flush=True)
    return kept


def main():
    program, wanted = os.path.abspath(sys.argv[1]), sys.argv[2:]
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    print("| What is done to it | slowest `/health` | most memory | what its clients saw |\n|---|---|---|---|", flush=True)
    chosen = [entry for entry in SCENARIOS if not wanted or entry[0].__name__ in wanted]
    broken = sum(not run(program, function, settings) for function, settings in chosen)
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
