#!/usr/bin/env python3
"""Two programs of one Kafka group under kill -9: who takes a partition over takes up where the other has ended.

Usage: two_nodes.py --agent torture_agent --mnema mnema [--events N] [--visits N] [--kills N] [--broker-kills N] [--seed N]

Records of a topic are handled by an agent that keeps no state: it pays at a till that fails one time in ten, tells a
sink that fails three times in ten, and answers by a record. One program runs all the time; it is killed with -9, and so
is the broker. Now and then a second one joins, has part of the partitions for a while, and ends in order; or the first
one does, and the second goes on alone. Each program has a folder of its own. At the end each event must have been paid
once, told once and answered by one record, as a reader of committed records sees it. The second one joins when the
broker knows what the first one has stored: after a kill of either, that takes until the first has its partitions again.

With --kills-beside the programs are also killed while they share the partitions. What the dead one had stored and not
yet committed at the broker comes to the other one as well: paid and told under the same key, so that the other side
knows it, but answered twice. `records_twice` of the line says how many those are.

Prints a table and one line of JSON. Exit code: 0 all held, 1 not, 77 Java or Maven is not there.
"""

import argparse
import collections
import http.client
import pathlib
import random
import re
import sys
import tempfile
import time

from agent_process import AgentProcess
from kafka_world import KafkaSender, KafkaWorld, source
from torture import KEYS, LANES, Report, World, brief, dead_letters

GROUP = "mnema-torture"
PATIENCE_S = 90
SETTLE_S = 300


def plan_of(events, rng):
    """All events by lane, each with a payment, a message and a record."""
    lanes = [[] for _ in range(LANES)]
    for i in range(events):
        key = rng.randrange(KEYS)
        lanes[key % LANES].append({"type": "courier", "key": f"k{key}", "n": 1, "id": f"e{i}", "pay": 1, "tell": 1, "record": 1})
    return lanes


class Node(AgentProcess):
    """A program on a folder of its own."""

    def __init__(self, program, folder, world, address):
        folder.mkdir()
        super().__init__(program, folder, world.till, world.risky, world.sink, source=source(address))

    def begin(self):
        self.start(("share",))
        if not self.wait_until_serving():
            raise SystemExit("the program does not serve:\n" + self.log_tail())

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def number(self, name, label=""):
        """The sum of a metric over its labels, or over those with `label` in them; 0 where there is none."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/metrics")
            text = connection.getresponse().read().decode()
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()
        found = re.findall(rf"^{re.escape(name)}({{[^}}]*}})? (\S+)$", text, re.MULTILINE)
        return sum(float(value) for labels, value in found if label in labels)

    def taken(self):
        return self.number("mnema_kafka_records_total", 'result="accepted"')

    def is_assigned(self):
        return self.number("mnema_kafka_assignments_total") > 0

    def stored(self):
        """Offset by partition."""
        return dict(self.rows("SELECT partition, next FROM kafka_offsets"))


def until(what, holds, patience_s=PATIENCE_S):
    give_up = time.monotonic() + patience_s
    while not holds():
        if time.monotonic() > give_up:
            raise SystemExit(f"timed out: {what}")
        time.sleep(0.05)


class Run:
    def __init__(self, arguments, folder):
        self.arguments = arguments
        self.rng = random.Random(arguments.seed)
        self.kafka = KafkaWorld(folder)
        self.world = World(arguments.seed)
        self.nodes = [Node(arguments.agent, pathlib.Path(folder) / name, self.world, self.kafka.address) for name in ("first", "second")]
        self.lanes = plan_of(arguments.events, self.rng)
        self.sender = KafkaSender(self.kafka, self.lanes)
        self.shared = [0, 0]  # events that each took while both ran

    def close(self):
        for node in self.nodes:
            node.close()
        self.world.close()
        self.kafka.close()

    def deed(self, deed, alone):
        """`alone`: the node that runs. The one that runs afterwards."""
        if deed == "broker":
            self.kafka.kill()
            return alone
        if deed == "kill":
            self.nodes[alone].kill()
            self.nodes[alone].begin()
            return alone
        return self.visit(alone, deed)

    def visit(self, alone, deed):
        """The other node joins; then one of the two ends."""
        until("the broker knows what the one that runs has stored", lambda: self.is_committed(self.nodes[alone]))
        guest = 1 - alone
        before = self.nodes[alone].taken()
        self.nodes[guest].begin()
        until("the other one has some", self.nodes[guest].is_assigned)
        until("it takes some, or all are sent", lambda: self.nodes[guest].taken() > 20 or self.sender.is_done())
        if deed == "killed beside":
            victim = self.rng.choice((alone, guest))
            self.nodes[victim].kill()
            self.nodes[victim].begin()
            until("the one that was killed is back", self.nodes[victim].is_assigned)
        leaves = self.rng.choice((alone, guest))
        self.shared[guest] += self.nodes[guest].taken()
        self.shared[alone] += max(0, self.nodes[alone].taken() - before)
        code, took = self.nodes[leaves].stop(self.nodes[leaves].grace_s + 15)
        if code != 0:
            raise SystemExit(f"an orderly stop ended with {code} after {took:.1f} s")
        return 1 - leaves

    def is_committed(self, node):
        if not node.is_assigned():
            return False
        committed = self.kafka.committed(GROUP)
        return all(offset <= committed.get(partition, 0) for partition, offset in node.stored().items())

    def settle(self):
        """Both finish what is theirs. What is left if they do not."""
        for node in self.nodes:
            if not node.is_running():
                node.begin()
        give_up = time.monotonic() + SETTLE_S
        calm_at = time.monotonic() + SETTLE_S / 2
        while True:
            left = {"unread": self.arguments.events - self.read()}
            for node in self.nodes:
                for what, number in node.waiting().items():
                    left[what] = left.get(what, 0) + number
            if not any(left.values()) or time.monotonic() > give_up:
                return left
            if time.monotonic() > calm_at:
                self.world.calm()
            time.sleep(0.2)

    def read(self):
        """How far the topic is read: of each partition, by who has come farthest."""
        farthest = {}
        for node in self.nodes:
            for partition, offset in node.stored().items():
                farthest[partition] = max(farthest.get(partition, 0), offset)
        return sum(farthest.values())

    def run(self):
        report = Report()
        begun = time.monotonic()
        self.nodes[0].begin()
        self.sender.start()
        deeds = ["visit"] * self.arguments.visits + ["kill"] * self.arguments.kills + ["broker"] * self.arguments.broker_kills
        deeds += ["killed beside"] * self.arguments.kills_beside
        self.rng.shuffle(deeds)
        alone = 0
        for number, deed in enumerate(deeds):
            reached = self.arguments.events * (number + 1) / (len(deeds) + 1)
            until("events are sent", lambda reached=reached: self.sender.count() >= reached or self.sender.is_done())
            alone = self.deed(deed, alone)
        until("all are sent", self.sender.is_done, 600)
        left = self.settle()
        report.check("all work came to an end", not any(left.values()), left)
        for node in self.nodes:
            code, took = node.stop(node.grace_s + 15)
            report.check("an orderly stop ended with 0", code == 0, f"{code}, {took:.1f} s")
        twice = self.judge(report)
        return report, {"seed": self.arguments.seed, "events": self.arguments.events, "visits": self.arguments.visits,
                        "kills": self.arguments.kills, "kills_beside": self.arguments.kills_beside,
                        "broker_kills": self.arguments.broker_kills, "records_twice": twice, "seconds": round(time.monotonic() - begun, 1)}

    def judge(self, report):
        """How many events have more than one record."""
        all_ids = {work["id"] for lane in self.lanes for work in lane}
        report.same("every event was paid", all_ids, set(self.world.pay.key_of))
        report.check("none under two keys", not self.world.pay.doubled(), f"{self.world.pay.repeats()} repeats of a key" + brief(", doubled ", self.world.pay.doubled()))
        report.check("the till has as many keys as there are events", len(self.world.pay.calls) == len(all_ids), f"{len(self.world.pay.calls)} of {len(all_ids)}")
        report.same("every event was told", all_ids, set(self.world.told.key_of))
        report.check("none of those under two keys", not self.world.told.doubled(), f"{self.world.told.repeats()} repeats of a key")
        records = self.kafka.records()
        report.same("every event has a record", all_ids, set(records))
        twice = sorted(identity for identity, times in collections.Counter(records).items() if times > 1)
        if not self.arguments.kills_beside:
            report.check("no record is there twice", not twice, f"{len(records)} records" + brief(", twice ", twice))
        if self.arguments.visits + self.arguments.kills_beside:
            report.check("both had events while both ran", min(self.shared) > 0, f"{self.shared[0]:.0f} and {self.shared[1]:.0f}")
        letters = [f"{letter['agent']} {letter['about']}: {letter['error']['message']}" for node in self.nodes for letter in dead_letters(self.arguments.mnema, node)]
        report.check("there is no dead letter", not letters, brief("", letters))
        report.check("the world failed", self.world.till.failures > 0 and self.world.sink.failures > 0, f"{self.world.till.failures} calls, {self.world.sink.failures} messages")
        return len(twice)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agent", required=True, help="the program torture_agent")
    parser.add_argument("--mnema", required=True, help="the program mnema, for its list of dead letters")
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--visits", type=int, default=10)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--kills-beside", type=int, default=0)
    parser.add_argument("--broker-kills", type=int, default=3)
    parser.add_argument("--seed", type=int, default=int(time.time()), help="default: drawn, and printed")
    parser.add_argument("--keep", action="store_true", help="keep the folder; it is kept anyway when something failed")
    arguments = parser.parse_args()
    print(f"two nodes: {arguments.events} events, {arguments.visits} visits, {arguments.kills} x kill -9, seed {arguments.seed}", flush=True)
    folder = tempfile.mkdtemp(prefix="mnema-two-nodes-")
    run = Run(arguments, folder)
    try:
        report, numbers = run.run()
    except SystemExit:
        print(f"data and logs are in {folder}")
        raise
    finally:
        run.close()
    return report.conclude(numbers, folder, arguments.keep)


if __name__ == "__main__":
    sys.exit(main())
