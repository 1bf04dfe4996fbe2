#!/usr/bin/env python3
"""An adopter's agents under kill -9, with a world that fails around them; at the end everything is counted.

Usage: torture.py --agent torture_agent --mnema mnema [--source kafka] [--events N] [--kills N] [--terms N] [--seed N]

Sends N signed webhooks over many keys, each until it is acknowledged, while the agents' tools fail one time in ten and
their sink three times in ten. Kills the program N times (also while it starts), stops it in order M times, each time on
the same folder. Then every acknowledged event must have been handled once and in order, every effect must have happened
once, every timer have rung once, every message have arrived, and nothing be a dead letter except an effect that may not
be repeated, was cut by a kill, and did reach the other side.

With --source kafka the events are records of a topic whose broker is killed and started again N times (--broker-kills),
and every counted event is answered by a record, which a reader of committed records must find once. With --minds N there
are N events more whose turns think with a real model: what was thought, paid, remembered and answered must be N each.

Prints a table and one line of JSON. Exit code: 0 all held, 1 not, 77 the models are missing.
"""

import argparse
import http.client
import json
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time

from agent_process import WEBHOOK, AgentProcess
from flaky_peer import FlakyPeer, Ledger
from kafka_world import KafkaSender, KafkaWorld, source as kafka_source
from webhook_sender import WebhookSender

KEYS = 64
MINDS = 8  # keys of agents that think
FIRST_RUNS = 10  # of a step's function, at once after a start
LANES = 16
TOOL_FAILURES = 0.10
SINK_FAILURES = 0.30
REFUSED_S = 0.3
RISKY_SHARE = 0.05
SETTLE_S = 600


def plan_of(events, rng, records, minds):
    """All events by lane. A key belongs to one lane, so that the wire keeps its order."""
    lanes = [[] for _ in range(LANES)]
    numbers = [0] * KEYS
    for i in range(events):
        if rng.random() < RISKY_SHARE:
            lanes[rng.randrange(LANES)].append({"type": "risky", "key": f"r-{i}", "n": 1, "id": f"r-{i}"})
            continue
        key = rng.randrange(KEYS)
        numbers[key] += 1
        work = {"type": "counter", "key": f"k{key}", "n": numbers[key], "id": f"k{key}-{numbers[key]}"}
        if records:
            work["record"] = 1
        for what, share, value in (
            ("pay", 0.25, 1),
            ("once", 0.10, 1),
            ("tell", 0.30, 1),
            ("note", 0.05, 1),
            ("wake_ms", 0.05, rng.randrange(200, 4000)),
        ):
            if rng.random() < share:
                work[what] = value
        lanes[key % LANES].append(work)
    for key in range(MINDS):
        lane = lanes[key]
        own = [{"type": "mind", "key": f"m{key}", "n": n, "id": f"m{key}-{n}", "pay": 1, "note": 1} for n in range(1, (minds - key + MINDS - 1) // MINDS + 1)]
        for work in own:
            if records:
                work["record"] = 1
        places = sorted(rng.randrange(len(lane) + 1) for _ in own)
        for place, work in reversed(list(zip(places, own))):
            lane.insert(place, work)
    return lanes


class World:
    """What is outside: a till that tools act upon, and a sink that messages go to."""

    def __init__(self, seed):
        self.pay = Ledger()
        self.once = Ledger()
        self.risk = Ledger()
        self.told = Ledger()
        self.till = FlakyPeer(self._till, TOOL_FAILURES, seed + 1, REFUSED_S, (0.0, 0.004))
        self.risky = FlakyPeer(lambda path, key, body: self.risk.act_always(key, body), 0.0, seed + 2, 0.0, (0.02, 0.1))
        self.sink = FlakyPeer(lambda path, key, body: self.told.act(key, body), SINK_FAILURES, seed + 3, REFUSED_S)

    def _till(self, path, key, body):
        if path == "/pay":
            return self.pay.act(key, body)
        if path == "/once":
            return self.once.act_always(key, body)
        return "yes" if path.removeprefix("/once/") in self.once.key_of else "no"

    def calm(self):
        for peer in (self.till, self.risky, self.sink):
            peer.calm = True

    def close(self):
        for peer in (self.till, self.risky, self.sink):
            peer.close()


class Chatter:
    """Talks to the agent `clerk`, which answers with the number of messages it has had in this session."""

    SESSIONS = 4

    def __init__(self, port):
        self.port = port
        self.sent = [0] * self.SESSIONS
        self.last = [0] * self.SESSIONS
        self.answered = 0
        self.wrong = []
        self.refusals = {}  # status or failure -> how often
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._talk, daemon=True)
        self.thread.start()

    def stop(self):
        self.ended.set()
        self.thread.join()

    def _talk(self):
        turn = 0
        while not self.ended.wait(0.1):
            session = turn % self.SESSIONS
            turn += 1
            self.sent[session] += 1
            number = self._ask(session)
            if number is None:
                continue
            if not self.last[session] < number <= self.sent[session]:
                self.wrong.append((session, self.last[session], number, self.sent[session]))
            self.last[session] = number
            self.answered += 1

    def _ask(self, session):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            body = {"model": "clerk", "messages": [{"role": "user", "content": "one more"}]}
            headers = {"Content-Type": "application/json", "X-Mnema-Session": f"s-{session}"}
            connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
            response = connection.getresponse()
            answer = json.loads(response.read())
            if response.status == 200:
                return int(answer["choices"][0]["message"]["content"])
            why = response.status
        except (OSError, http.client.HTTPException, ValueError) as failure:
            why = type(failure).__name__
        finally:
            connection.close()
        self.refusals[why] = self.refusals.get(why, 0) + 1
        return None


class Report:
    def __init__(self):
        self.checks = []

    def check(self, what, held, detail=""):
        self.checks.append({"what": what, "held": bool(held), "detail": str(detail)})

    def same(self, what, expected, found):
        """Two sets of ids that must be equal, and hold something."""
        missing, foreign = sorted(expected - found), sorted(found - expected)
        self.check(what, expected and not missing and not foreign, f"{len(found)} of {len(expected)}" + brief(", missing ", missing) + brief(", foreign ", foreign))

    def held(self):
        return all(check["held"] for check in self.checks)

    def conclude(self, numbers, folder, keeps_folder):
        """Prints the table and the line of JSON, and removes the folder if all held. The exit code."""
        for check in self.checks:
            print(f"{'held  ' if check['held'] else 'BROKEN'}  {check['what']:<62} {check['detail']}")
        print(json.dumps({"held": self.held(), **numbers, "broken": [check for check in self.checks if not check["held"]]}))
        if self.held() and not keeps_folder:
            shutil.rmtree(folder)
        else:
            print(f"data and logs are in {folder}")
        return 0 if self.held() else 1


def brief(before, ids):
    return f"{before}{len(ids)}: {' '.join(map(str, ids[:5]))}" if ids else ""


def run_kills(agent, sender, kafka, arguments, rng, stops):
    """Ends and restarts the program at random moments, by the events that have been acknowledged until then."""
    deeds = ["kill"] * arguments.kills + ["term"] * arguments.terms + ["broker"] * (arguments.broker_kills if kafka else 0)
    rng.shuffle(deeds)
    moments = sorted(rng.uniform(0.02, 0.95) for _ in deeds)
    for number, (deed, moment) in enumerate(zip(deeds, moments)):
        if deed == "kill" and number > 0 and rng.random() < 0.2:
            time.sleep(rng.uniform(0.0, 0.8))  # it dies while it starts
        else:
            wait_for_moment(agent, sender, moment * arguments.total)
            time.sleep(rng.uniform(0.0, 0.1))
        if deed == "broker":
            kafka.kill()
            continue
        if deed == "kill":
            agent.kill()
        else:
            stops.append(agent.stop(agent.grace_s + 15))
        agent.start(arguments.words)
    wait_for_moment(agent, sender, 0)


def wait_for_moment(agent, sender, acknowledged):
    """Waits until the program serves and so many events have been acknowledged."""
    if not agent.wait_until_serving():
        raise SystemExit("the program does not come up:\n" + agent.log_tail())
    while sender.count() < acknowledged and not sender.is_done() and time.monotonic() < sender.give_up_at:
        time.sleep(0.005)


def settle(agent, world, kafka, events, give_up_at):
    """Waits until nothing is left to be done; what is, if time runs out. The world gets calm when half of it has gone."""
    calm_at = (time.monotonic() + give_up_at) / 2
    def waiting():
        return {**agent.waiting(), **({"records": events - agent.records_read()} if kafka else {})}

    left = waiting()
    while any(left.values()) and time.monotonic() < give_up_at:
        if time.monotonic() > calm_at:
            world.calm()
        time.sleep(0.2)
        left = waiting()
    return left


def dead_letters(mnema, agent):
    command = [mnema, "dlq", "list", "--json", "--count", "100000", "--data", str(agent.data)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise SystemExit("mnema dlq list: " + done.stderr)
    return json.loads(done.stdout)


def judge(report, lanes, world, agent, sender, chatter, letters, kills):
    works = [work for lane in lanes for work in lane]
    acknowledged = set(sender.acknowledged)
    report.same("every event was acknowledged", {work["id"] for work in works}, acknowledged)

    counters = agent.states("counter")
    sent_to = {}
    for work in works:
        if work["type"] == "counter" and work["id"] in acknowledged:
            sent_to[work["key"]] = sent_to.get(work["key"], 0) + 1
    miscounted = [key for key, n in sent_to.items() if counters.get(key, {}).get("count") != n]
    handled = sum(state["count"] for state in counters.values())
    report.check("every acknowledged event was handled once", not miscounted, f"{handled} of {sum(sent_to.values())}" + brief(", wrong keys ", miscounted))
    minds = agent.states("mind")
    asked_of_minds = {work["id"] for work in works if work["type"] == "mind"}
    if asked_of_minds:
        thought = sum(state["count"] for state in minds.values())
        wrong = [key for key, state in minds.items() if state["out_of_order"] or state["last"] != state["count"]]
        report.check("every event that was to be thought about was, once and in order", thought == len(asked_of_minds) and not wrong, f"{thought} of {len(asked_of_minds)}" + brief(", wrong ", wrong))
    disordered = [key for key, n in sent_to.items() if counters.get(key, {}).get("out_of_order", 1) or counters[key]["last"] != n]
    report.check("no key saw its events out of order", not disordered, f"{len(sent_to)} keys" + brief(", wrong ", disordered))

    def asked(what):
        return {work["id"] for work in works if work.get(what) and work["id"] in acknowledged}

    for what, ledger in (("pay", world.pay), ("once", world.once)):
        report.same(f"every effect '{what}' reached the other side", asked(what), set(ledger.key_of))
        report.check(f"no effect '{what}' happened twice", not ledger.doubled(), f"{ledger.repeats()} repeats of a key" + brief(", doubled ", ledger.doubled()))

    rung = [identity for state in counters.values() for identity in state["rung"]]
    report.same("every timer rang", asked("wake_ms"), set(rung))
    report.check("no timer rang twice", len(rung) == len(set(rung)), f"{len(rung)} times")

    report.same("every message arrived", asked("tell"), set(world.told.key_of))
    report.check("no message arrived under two keys", not world.told.doubled(), f"{world.told.repeats()} repeats of a key" + brief(", doubled ", world.told.doubled()))
    last, late = {}, []
    for identity in world.told.arrived:
        key, _, number = identity.partition("-")
        if int(number) < last.get(key, 0):
            late.append(identity)
        last[key] = int(number)
    report.check("no key's messages arrived out of order", not late, brief("", late))

    kept = agent.rows("SELECT text FROM memory_entries WHERE text LIKE '%note k%' OR text LIKE '%note m%'")
    notes = [text[text.index("note ") :].split()[1].rstrip(":") for (text,) in kept]
    report.same("every memory was kept", asked("note"), set(notes))
    report.check("no memory was kept twice", len(notes) == len(set(notes)), f"{len(notes)} notes")

    risky = {work["id"] for work in works if work["type"] == "risky" and work["id"] in acknowledged}
    handled = {key for key, state in agent.states("risky").items() if state["count"] == 1}
    doubts = {letter["key"] for letter in letters if letter["agent"] == "risky" and letter["error"]["code"] == "in_doubt"}
    seen = set(world.risk.key_of)
    report.same("every effect that may not be repeated is done or in doubt", risky, handled | doubts)
    report.check("none of them happened twice", not world.risk.doubled(), f"{len(seen)} happened" + brief(", doubled ", world.risk.doubled()))
    report.check("none that is done did not happen", handled <= seen, brief("", sorted(handled - seen)))
    # A kill between the record that a call leaves and its first byte leaves one doubt too many; one call leaves at a time.
    # But the first runs of a step's function in a process count as begun until one of them is seen to call something
    # (agents/tool.hpp), and a program that finds a topic's records begins many at once.
    unseen = sorted(doubts - seen)
    each = 1 if agent.is_pushed_at else FIRST_RUNS
    report.check(f"none is in doubt that never left, but {each} per kill", len(unseen) <= each * kills, f"{len(doubts)} in doubt" + brief(", never seen ", unseen))
    others = [f"{letter['agent']} {letter['about']}: {letter['error']['message']}" for letter in letters if letter["key"] not in doubts]
    report.check("there is no other dead letter", not others, brief("", others))

    clerks = agent.states("clerk")
    unsaid = [s for s in range(chatter.SESSIONS) if not chatter.last[s] <= clerks.get(f"s-{s}", {"count": 0})["count"] <= chatter.sent[s]]
    report.check("the world failed", world.till.failures > 0 and world.sink.failures > 0, f"{world.till.failures} calls, {world.sink.failures} messages")
    report.check("no answered chat was forgotten", chatter.answered and not chatter.wrong and not unsaid, f"{chatter.answered} answered of {sum(chatter.sent)} sent" + brief(", wrong ", chatter.wrong) + brief(", sessions ", unsaid))


def judge_records(report, lanes, found):
    report.same("every counted event has a record", {work["id"] for lane in lanes for work in lane if work.get("record")}, set(found))
    report.check("no record is there twice", len(found) == len(set(found)), f"{len(found)} records")
    last, late = {}, []
    for identity in found:
        key, _, number = identity.partition("-")
        if int(number) < last.get(key, 0):
            late.append(identity)
        last[key] = int(number)
    report.check("no key's records are out of order", not late, brief("", late))


def run(arguments, folder):
    rng = random.Random(arguments.seed)
    kafka = KafkaWorld(folder) if arguments.source == "kafka" else None
    lanes = plan_of(arguments.events, rng, kafka is not None, arguments.minds)
    world = World(arguments.seed)
    source = kafka_source(kafka.address) if kafka else WEBHOOK
    agent = AgentProcess(arguments.agent, folder, world.till, world.risky, world.sink, arguments.extra, source=source)
    begun = time.monotonic()
    give_up_at = begun + arguments.time_max
    report, stops = Report(), []
    try:
        agent.start(arguments.words)
        if not agent.wait_until_serving():
            if "mnema models pull" in agent.log_tail():
                print("skipped: " + agent.log_tail())
                sys.exit(77)
            raise SystemExit("the program does not serve:\n" + agent.log_tail())
        sender = KafkaSender(kafka, lanes) if kafka else WebhookSender(agent.port, lanes, give_up_at)
        chatter = Chatter(agent.port)
        sender.start()
        run_kills(agent, sender, kafka, arguments, rng, stops)
        while not sender.is_done():
            time.sleep(0.01)
        sent_s = time.monotonic() - begun
        left = settle(agent, world, kafka, arguments.total, min(give_up_at, time.monotonic() + SETTLE_S))
        settled_s = time.monotonic() - begun
        chatter.stop()
        report.check("all work came to an end", not any(left.values()), left)
        stops.append(agent.stop(agent.grace_s + 15))
        late = [stop for stop in stops if stop[0] != 0 or stop[1] > agent.grace_s + 1]
        report.check("every orderly stop ended with 0 in time", not late, " ".join(f"{code}/{took:.1f}s" for code, took in stops))
        letters = dead_letters(arguments.mnema, agent)
        judge(report, lanes, world, agent, sender, chatter, letters, arguments.kills)
        if kafka:
            judge_records(report, lanes, kafka.records())
    finally:
        agent.close()
        world.close()
        if kafka:
            kafka.close()
    return report, {
        "seed": arguments.seed,
        "events": arguments.events,
        "kills": arguments.kills,
        "terms": arguments.terms,
        "sent_s": round(sent_s, 1),
        "settled_s": round(settled_s, 1),
        "seconds": round(time.monotonic() - begun, 1),
        "till": {"requests": world.till.requests, "failed": world.till.failures},
        "sink": {"requests": world.sink.requests, "failed": world.sink.failures},
        "refusals": sender.refusals,
        "chat_refusals": chatter.refusals,
        "dead_letters": len(letters),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agent", required=True, help="the program torture_agent")
    parser.add_argument("--mnema", required=True, help="the program mnema, for its list of dead letters")
    parser.add_argument("--source", choices=["webhook", "kafka"], default="webhook")
    parser.add_argument("--broker-kills", type=int, default=5)
    parser.add_argument("--minds", type=int, default=0, help="events more whose turns think with a model")
    parser.add_argument("--events", type=int, default=48_000)
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--terms", type=int, default=5)
    parser.add_argument("--seed", type=int, default=int(time.time()), help="default: drawn, and printed")
    parser.add_argument("--time-max", type=float, default=3600, help="seconds after which it fails")
    parser.add_argument("--extra", default="", help="lines for the end of the configuration")
    parser.add_argument("--keep", action="store_true", help="keep the folder; it is kept anyway when something failed")
    arguments = parser.parse_args()
    arguments.total = arguments.events + arguments.minds
    arguments.words = ("think",) if arguments.minds else ()
    if arguments.minds:
        arguments.extra += '\n[inference]\nmodel = "smollm2-135m"\n'
    print(f"torture: {arguments.events} events by {arguments.source}, {arguments.kills} x kill -9, {arguments.terms} x TERM, seed {arguments.seed}", flush=True)
    folder = tempfile.mkdtemp(prefix="mnema-torture-")
    report, numbers = run(arguments, folder)
    return report.conclude(numbers, folder, arguments.keep)


if __name__ == "__main__":
    sys.exit(main())
