"""A Kafka broker that can be killed, a sender of records to it, and what a reader of committed records finds."""

import json
import pathlib
import subprocess
import sys
import threading
import time

BROKER = pathlib.Path(__file__).resolve().parents[2] / "examples" / "kafka" / "broker.py"
TOPIC, RECORDS = "work", "records"
CHUNKS = 20
SKIPPED = 77


def source(address):
    """What the agents' configuration says of it: where the events come from, and where records go."""
    return f"""
[sources.torture]
kind = "kafka"
brokers = "{address}"
topics = ["{TOPIC}"]
event_type = "webhook.{{/type}}"
options = {{ "session.timeout.ms" = "6000" }}
[connectors.records]
kind = "kafka"
brokers = "{address}"
topic = "{RECORDS}"
exactly_once = true
"""


class KafkaWorld:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder) / "kafka"
        self.lock = threading.Lock()  # nobody sends while the broker is being killed: its tool would give up
        self.process = subprocess.Popen(
            [sys.executable, BROKER, "run", self.folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        line = self.process.stdout.readline()
        if not line:
            sys.exit(SKIPPED if self.process.wait() == SKIPPED else 1)
        self.address = json.loads(line)["address"]
        for topic in (TOPIC, RECORDS):
            self._tool("topics", "--create", "--topic", topic, "--partitions", "4")

    def kill(self):
        with self.lock:
            self._tell("kill")
            time.sleep(0.5)
            self._tell("start")

    def close(self):
        self.process.stdin.close()
        self.process.wait(60)

    def send(self, works):
        lines = "".join(f"{work['key']}\t{json.dumps(work)}\n" for work in works)
        with self.lock:
            self._tool("produce", "--topic", TOPIC, "--property", "parse.key=true", "--producer-property", "acks=all", text=lines)

    def records(self):
        """The ids of the committed records, partition by partition in order."""
        out = self._tool("consume", "--topic", RECORDS, "--from-beginning", "--isolation-level", "read_committed", "--timeout-ms", "10000")
        return [json.loads(line)["id"] for line in out.splitlines() if line]

    def committed(self, group):
        """Offset by partition, as far as the broker knows that the group has read the topic."""
        out = self._tool("groups", "--describe", "--group", group, "--timeout", "10000")
        rows = [line.split() for line in out.splitlines()]
        return {int(row[2]): int(row[3]) for row in rows if len(row) > 3 and row[1] == TOPIC and row[3].isdigit()}

    def _tell(self, what):
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        self.process.stdout.readline()

    def _tool(self, name, *arguments, text=""):
        done = subprocess.run([sys.executable, BROKER, "tool", self.folder, name, *arguments], input=text, capture_output=True, text=True)
        if done.returncode != 0 and name not in ("consume", "groups"):
            raise SystemExit(f"{name}: {done.stderr[-2000:]}")
        return done.stdout


class KafkaSender:
    """Sends lanes of events by pieces. An event is acknowledged when the broker has it; whether it is ours is not asked."""

    def __init__(self, kafka, lanes):
        self.kafka = kafka
        self.lanes = lanes
        self.acknowledged = []
        self.refusals = {}
        self.give_up_at = float("inf")
        self.thread = threading.Thread(target=self._send, daemon=True)

    def start(self):
        self.thread.start()

    def count(self):
        return len(self.acknowledged)

    def is_done(self):
        return not self.thread.is_alive()

    def _send(self):
        longest = max(len(lane) for lane in self.lanes)
        size = -(-longest // CHUNKS)
        for begin in range(0, longest, size):
            piece = [work for lane in self.lanes for work in lane[begin : begin + size]]
            self.kafka.send(piece)
            self.acknowledged.extend(work["id"] for work in piece)
