"""The agent program as a child process: its configuration, its start, its end, and its data file seen from outside."""

import http.client
import json
import os
import pathlib
import signal
import socket
import sqlite3
import subprocess
import time

SECRET = "a-secret-of-this-test-only"
GRACE_MS = 3000


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


WEBHOOK = """
[sources.torture]
kind = "webhook"
path = "/hooks/torture"
scheme = "standard"
secrets = [{env = "TORTURE_SECRET"}]
"""


class AgentProcess:
    """Owns the child and its folder's files; ends it at the latest in `close`."""

    def __init__(self, program, folder, till, risky, sink, extra="", grace_ms=GRACE_MS, source=WEBHOOK):
        self.program = program
        self.folder = pathlib.Path(folder)
        self.data = self.folder / "data"
        self.port = free_port()
        self.grace_s = grace_ms / 1000
        self.is_pushed_at = source == WEBHOOK
        self.process = None
        self.log = self.folder / "agent.log"
        self.config = self.folder / "mnema.toml"
        self.config.write_text(
            f"""
[server]
listen = "127.0.0.1:{self.port}"
data = "{self.data}"
[log]
level = "warning"
[limits]
shutdown_grace_ms = {grace_ms}
[connectors.till]
kind = "http"
url = "http://127.0.0.1:{till.port}"
timeout_ms = 10000
[connectors.risky]
kind = "http"
url = "http://127.0.0.1:{risky.port}"
calls_in_flight_max = 1
timeout_ms = 10000
[connectors.hanging]
kind = "http"
url = "http://127.0.0.1:{till.port}"
timeout_ms = 600000
[connectors.sink]
kind = "http"
url = "http://127.0.0.1:{sink.port}"
path = "/told"
timeout_ms = 10000
{source}
{extra}
"""
        )

    def start(self, words=()):
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [self.program, str(self.config), *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=dict(os.environ, TORTURE_SECRET=SECRET),
            )

    def wait_until_serving(self, patience_s=60):
        """False: it ended, or does not answer."""
        give_up = time.monotonic() + patience_s
        while time.monotonic() < give_up and self.process.poll() is None:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
            try:
                connection.request("GET", "/health")
                if connection.getresponse().status == 200:
                    return True
            except (OSError, http.client.HTTPException):
                time.sleep(0.02)
            finally:
                connection.close()
        return False

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self, patience_s):
        """SIGTERM. (exit code, seconds it took); the code is None if it had to be killed."""
        begun = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(timeout=patience_s)
        except subprocess.TimeoutExpired:
            self.kill()
            code = None
        return code, time.monotonic() - begun

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.kill()

    def rows(self, query):
        """What the data file holds. Read beside the running program, as SQLite allows."""
        file = sqlite3.connect(f"file:{self.data}/mnema.db?mode=ro", uri=True, timeout=10)
        try:
            return file.execute(query).fetchall()
        finally:
            file.close()

    def waiting(self):
        """Events, messages and timers that are still to be dealt with."""
        return {
            "events": self.rows("SELECT count(*) FROM mailbox WHERE state <> 3")[0][0],
            "messages": self.rows("SELECT count(*) FROM outbox WHERE state <> 1")[0][0],
            "timers": self.rows("SELECT count(*) FROM timers")[0][0],
        }

    def records_read(self):
        """Of Kafka, as far as the program's own offsets go."""
        return self.rows("SELECT coalesce(sum(next), 0) FROM kafka_offsets")[0][0]

    def states(self, agent):
        """The states of an agent, by key."""
        query = f"SELECT key, state FROM agent_state WHERE agent = '{agent}'"
        return {key: json.loads(state) for key, state in self.rows(query)}

    def log_tail(self, bytes_max=4000):
        return self.log.read_text(errors="replace")[-bytes_max:] if self.log.exists() else ""
