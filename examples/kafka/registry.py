#!/usr/bin/env python3
"""A schema registry with Confluent's API on loopback (Apicurio Registry, in memory): for trying things out, and for the
tests.

    registry.py fetch               the program, by Maven, into the cache (needs Java 17 and Maven; 160 MB)
    registry.py start DIR           a registry that goes on running; its URL is in DIR/url
    registry.py stop DIR            ends it
    registry.py run DIR             a registry for a program that reads and writes this one's pipes

`run` prints one line of JSON when the registry answers: {"url": ..., "pid": ...}. Then it takes lines: `kill` (-9),
`start`, each answered by such a line; the end of its input ends the registry. It begins empty each time, and counts its
ids from 1.

Exit code 77: Java or Maven is not here.
"""
import argparse
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import urllib.error
import urllib.request

from broker import NOT_HERE, START_S, free_ports

VERSION = "3.0.9"


def program():
    """The folder of the program, filled at first use."""
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "mnema" / "kafka"
    folder = cache / f"apicurio-{VERSION}"
    if (folder / ".complete").exists():
        return folder
    for needed, package in (("java", "default-jre-headless"), ("mvn", "maven")):
        if shutil.which(needed) is None:
            print(f"NOT CHECKED: there is no {needed}; install the package {package}", file=sys.stderr)
            sys.exit(NOT_HERE)
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mvn", "-q", "-B", "dependency:copy", f"-DoutputDirectory={folder}",
                    f"-Dartifact=io.apicurio:apicurio-registry-app:{VERSION}:tar.gz:all"], check=True, stdout=sys.stderr)
    archive = folder / f"apicurio-registry-app-{VERSION}-all.tar.gz"
    with tarfile.open(archive) as packed:
        packed.extractall(folder)
    archive.unlink()
    (folder / ".complete").touch()
    return folder


class Registry:
    def __init__(self, folder):
        self.folder = folder
        self.program = program()
        self.process = None
        folder.mkdir(parents=True, exist_ok=True)
        (self.port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{self.port}/apis/ccompat/v7"

    def start(self, detached=True):
        environment = dict(os.environ, QUARKUS_HTTP_HOST="127.0.0.1", QUARKUS_HTTP_PORT=str(self.port))
        with (self.folder / "registry.log").open("a") as log:
            self.process = subprocess.Popen(
                ["java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-jar",
                 f"apicurio-registry-app-{VERSION}-runner.jar"],
                cwd=self.program, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                start_new_session=detached)
        until = time.monotonic() + START_S
        while time.monotonic() < until and self.process.poll() is None:
            try:
                urllib.request.urlopen(f"{self.url}/subjects", timeout=5).close()
                return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        log = self.folder / "registry.log"
        raise SystemExit(f"the registry does not start; see {log}:\n{log.read_text()[-2000:]}")

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self.process = None

    def facts(self):
        return {"url": self.url, "pid": self.process.pid if self.process else 0}


def run(folder):
    # As in broker.py.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    registry = Registry(folder)
    try:
        registry.start()
        print(json.dumps(registry.facts()), flush=True)
        for line in sys.stdin:
            if line.strip() == "kill":
                registry.kill()
            elif line.strip() == "start":
                registry.start()
            print(json.dumps(registry.facts()), flush=True)
    finally:
        registry.kill()


def start(folder):
    if (folder / "pid").exists():
        raise SystemExit(f"{folder} has a registry already; stop it first")
    registry = Registry(folder)
    registry.start(detached=False)
    (folder / "pid").write_text(str(registry.process.pid))
    (folder / "url").write_text(registry.url)
    print(registry.url)


def stop(folder):
    try:
        os.kill(int((folder / "pid").read_text()), signal.SIGTERM)
    except ProcessLookupError:
        pass
    shutil.rmtree(folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["fetch", "start", "stop", "run"])
    parser.add_argument("folder", type=pathlib.Path, nargs="?")
    arguments = parser.parse_args()
    if arguments.command == "fetch":
        return program()
    if arguments.folder is None:
        parser.error("which folder?")
    {"start": start, "stop": stop, "run": run}[arguments.command](arguments.folder.resolve())
    return None


if __name__ == "__main__":
    main()
