#!/usr/bin/env python3
"""Where the CPU time of a turn goes, by thread and kind: samples `mnema bench events` with perf and sorts the stacks.

Usage: turn_profile.py [MNEMA] [EVENTS]      (build/mnema, 200000; Debian: apt-get install linux-perf)

Kinds are told by the functions on a sample's stack, the first that fits: waiting for the disk, switching between threads
and locking, writing the log, SQLite, allocation, JSON. What is left is our own code. The thread `mnema` is the loop, and the
benchmark itself with its look at the bare disk.
"""

import collections
import re
import subprocess
import sys
import tempfile

HERTZ = 999
KINDS = (
    ("disk sync", r"fdatasync|fsync|io_schedule|blk_finish_plug", "stack"),
    ("clock", r"clock_gettime|vdso", "leaf"),
    ("threads and locks", r"futex|pthread_|__schedule|lll_lock|eventfd|epoll|finish_task_switch|try_to_wake", "stack"),
    ("writing the log", r"pwrite|vfs_write|ext4_file_write|generic_perform_write", "stack"),
    ("reading, file locks", r"pread|vfs_read|fcntl|posix_lock", "stack"),
    ("SQLite", r"sqlite", "leaf"),
    ("allocation", r"malloc|free|operator new|operator delete|consolidate", "leaf"),
    ("JSON", r"json", "stack"),
    ("SQLite", r"sqlite", "stack"),
    ("kernel, other", r"kernel", "leaf"),
    ("copying", r"memmove|memcpy|memcmp|memset", "leaf"),
)


def kind_of(frames):
    stack = " ".join(frames)
    for kind, pattern, where in KINDS:
        if re.search(pattern, frames[0] if where == "leaf" else stack):
            return kind
    return "our code"


def main():
    program = sys.argv[1] if len(sys.argv) > 1 else "build/mnema"
    events = int(sys.argv[2]) if len(sys.argv) > 2 else 200_000
    with tempfile.NamedTemporaryFile(suffix=".perf") as data:
        bench = [program, "bench", "events", "--growth-events", str(events), "--events", "1", "--tenants", "1"]
        bench += ["--rate-seconds", "0.1", "--embedding-ms", "0"]
        subprocess.run(["perf", "record", "-q", "-F", str(HERTZ), "-g", "-o", data.name, *bench], check=True)
        script = subprocess.run(
            ["perf", "script", "-i", data.name, "-F", "comm,ip,sym,dso"], capture_output=True, text=True, check=True
        ).stdout
    samples = collections.defaultdict(collections.Counter)
    for sample in script.split("\n\n"):
        thread, *frames = [line.strip() for line in sample.split("\n") if line.strip()] or [""]
        if frames:
            samples[re.sub(r"-\d+$", "", thread)][kind_of(frames)] += 1
    micros = 1e6 / HERTZ / events  # of one turn, by a sample
    for thread, kinds in sorted(samples.items(), key=lambda item: -sum(item[1].values())):
        print(f"{thread:<14} {sum(kinds.values()) * micros:6.1f} us a turn")
        for kind, count in kinds.most_common():
            print(f"    {kind:<22} {count * micros:6.2f}")


if __name__ == "__main__":
    main()
