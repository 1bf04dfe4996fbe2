#!/usr/bin/env python3
"""SIGTERM ends the program within its grace time, whatever hangs.

Usage: stop_test.py --agent torture_agent [--case NAME ...]

Each case brings the program into a state in which something does not end by itself, sends SIGTERM, and wants exit code 0
within limits.shutdown_grace_ms plus one second, and the data folder free: the program starts on it again. What had not
left then leaves nothing in doubt. Prints a table and one line of JSON. Exit code: 0 all held, 1 not.
"""

import argparse
import json
import pathlib
import shutil
import sys
import tempfile
import time

from agent_process import AgentProcess
from flaky_peer import FlakyPeer, Ledger
from webhook_sender import WebhookSender

GRACE_MS = 2000
GIVE_UP_S = 20
NOTE_EVENTS = 1500
BURST_EVENTS = 20_000
RISKY_EVENTS = 20


class Scene:
    """The program on a folder of its own, beside a till and a sink that answer until they are told to hang."""

    def __init__(self, program, folder):
        self.requests = Ledger()
        peers = [FlakyPeer(lambda path, key, body: self.requests.act_always(key, body), 0.0, seed) for seed in (1, 2, 3)]
        self.till, self.risky, self.sink = peers
        self.agent = AgentProcess(program, folder, self.till, self.risky, self.sink, grace_ms=GRACE_MS)
        self.senders = []

    def close(self):
        self.agent.close()
        for peer in (self.till, self.risky, self.sink):
            peer.close()

    def serve(self):
        self.agent.start()
        if not self.agent.wait_until_serving():
            raise RuntimeError("the program does not serve: " + self.agent.log_tail(500))

    def send(self, works, lanes, wait):
        """Sends `works` over `lanes` connections, and waits for the acknowledgements if `wait`."""
        sender = WebhookSender(self.agent.port, [works[i::lanes] for i in range(lanes)], time.monotonic() + 60)
        sender.start()
        if wait:
            self.until(sender.is_done, "the events are acknowledged", 60)
        return sender

    @staticmethod
    def until(condition, what, patience_s=20):
        give_up = time.monotonic() + patience_s
        while not condition():
            if time.monotonic() > give_up:
                raise RuntimeError(f"not reached: {what}")
            time.sleep(0.01)

    def arrived(self):
        return len(self.requests.arrived)


def counted(i, **more):
    return {"type": "counter", "key": f"k{i % 64}", "n": i // 64 + 1, "id": f"e-{i}", **more}


def burst(scene):
    scene.serve()
    sender = scene.send([counted(i) for i in range(BURST_EVENTS)], 64, wait=False)
    scene.until(lambda: sender.count() > 1500, "the burst is under way")


def hung_sink(scene):
    scene.serve()
    scene.sink.hanging = True
    scene.send([counted(i, tell=1) for i in range(40)], 8, wait=True)
    scene.until(lambda: scene.arrived() > 0, "a message is on its way")


def hung_tool(scene):
    scene.serve()
    scene.till.hanging = True
    scene.send([{"type": "stuck", "key": f"k{i}", "n": 1, "id": f"s-{i}"} for i in range(20)], 8, wait=True)
    scene.until(lambda: scene.arrived() > 0, "a tool's call is on its way")


def hung_function(scene):
    scene.serve()
    scene.send([{"type": "stuck", "key": f"k{i}", "n": 1, "id": f"s-{i}", "wake_ms": 600_000} for i in range(20)], 8, wait=True)
    time.sleep(0.5)


def model_loading(scene):
    scene.agent.start(["think"])
    maps = pathlib.Path(f"/proc/{scene.agent.process.pid}/maps")
    scene.until(lambda: ".gguf" in maps.read_text(), "the model is being loaded", 10)


def embedding_backlog(scene):
    scene.serve()
    scene.send([counted(i, note=1) for i in range(NOTE_EVENTS)], 64, wait=True)
    scene.until(lambda: scene.agent.waiting()["events"] == 0, "the events are handled", 120)
    pending = scene.agent.rows("SELECT count(*) FROM memory_pending_vectors")[0][0]
    if pending < 100:
        raise RuntimeError(f"only {pending} texts wait for their vectors: no backlog")


def waiting_calls(scene):
    """Effects that may not be repeated, of which one leaves at a time and takes its time."""
    scene.serve()
    scene.risky.delay_s = (0.4, 0.4)
    scene.send([{"type": "risky", "key": f"r-{i}", "n": 1, "id": f"r-{i}"} for i in range(RISKY_EVENTS)], 8, wait=True)
    scene.until(lambda: scene.arrived() > 0, "a call was answered")


def doubts_after(scene):
    """What is wrong once the work that waited has been done: nothing, or a text."""
    scene.risky.delay_s = (0.0, 0.0)
    scene.until(lambda: scene.agent.waiting()["events"] == 0, "the events are handled", 60)
    done = {key for key, state in scene.agent.states("risky").items() if state["count"] == 1}
    # The one call that was on its way when the grace time ended may be in doubt.
    if len(done) >= RISKY_EVENTS - 1 and not scene.requests.doubled():
        return ""
    return f", and of {RISKY_EVENTS} effects {len(done)} are done, {len(scene.requests.doubled())} doubled"


CASES = {
    case.__name__: case
    for case in (burst, hung_sink, hung_tool, hung_function, waiting_calls, model_loading, embedding_backlog)
}


def play(name, program):
    """(held, what happened)"""
    folder = tempfile.mkdtemp(prefix=f"mnema-stop-{name}-")
    scene = Scene(program, folder)
    try:
        if name == "second_signal":
            hung_function(scene)
            scene.agent.process.terminate()
            time.sleep(0.3)
            code, took = scene.agent.stop(GIVE_UP_S)
            held, wanted = code is not None and took <= 1, "at once"
        else:
            CASES[name](scene)
            code, took = scene.agent.stop(GIVE_UP_S)
            held, wanted = code == 0 and took <= GRACE_MS / 1000 + 1, f"0 within {GRACE_MS / 1000 + 1:.0f} s"
        ended = f"exit code {code} after {took:.2f} s" if code is not None else f"killed after {took:.0f} s"
        scene.agent.start()
        if not scene.agent.wait_until_serving(30):
            return False, ended + ", and does not start again: " + scene.agent.log_tail(300)
        if name == "waiting_calls" and (wrong := doubts_after(scene)):
            return False, ended + wrong
        return held, f"{ended} (wanted: {wanted})"
    except RuntimeError as failure:
        return False, f"could not be brought about: {failure}"
    finally:
        scene.close()
        shutil.rmtree(folder, ignore_errors=True)


def main():
    names = [*CASES, "second_signal"]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agent", required=True, help="the program torture_agent")
    parser.add_argument("--case", action="append", choices=names, help="only this one; may be repeated")
    arguments = parser.parse_args()
    results = {}
    for name in arguments.case or names:
        held, what = play(name, arguments.agent)
        results[name] = {"held": held, "what": what}
        print(f"{'held  ' if held else 'BROKEN'}  {name:<18} {what}", flush=True)
    print(json.dumps({"held": all(result["held"] for result in results.values()), "cases": results}))
    return 0 if all(result["held"] for result in results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
