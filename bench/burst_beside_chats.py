#!/usr/bin/env python3
"""What a burst of events to a thinking agent costs eight chats that stream, over HTTP: 5,000 webhooks at once, each a turn that
asks the model.

    bench/burst_beside_chats.py                 three alternating runs, medians
    bench/burst_beside_chats.py --recall 200    turns that search memory first and read so many tokens of it
    bench/burst_beside_chats.py --json

Fails if a chat or an event is refused, a turn is tried twice, or an event becomes a dead letter. The sender runs at the lowest
priority, because it shares the machine's cores with the server. Nothing else should run on the machine meanwhile.
"""
import argparse
import json
import multiprocessing
import os
import socket
import statistics
import sys
import time

from streams import ROOT, Server, gaps_of, percentile, run_streams

CONFIG = """
[server]
listen = "127.0.0.1:{{port}}"
data = "{{data}}"
[inference]
model = "smollm2-135m"
embedding_model = "all-minilm-l6-v2"
[agents.sorter]
system = "You sort the mail of a warehouse. Answer with one word: urgent, later or never."
choices = ["urgent", "later", "never"]
recall_tokens = {recall}
[sources.burst]
kind = "webhook"
path = "/hooks/burst"
scheme = "unsigned"
agent = "sorter"
key = "{{{{/key}}}}"
"""


def requests_of(run, events):
    """Each event as the bytes of its request."""
    made = []
    for i in range(events):
        body = json.dumps({"type": "mail", "key": f"customer {i % 1000}",
                           "text": f"Order {1000 + 37 * i} has not come yet, and the customer asks where it is."}).encode()
        made.append(b"POST /hooks/burst HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                    b"webhook-id: %d-%d\r\nContent-Length: %d\r\n\r\n" % (run, i, len(body)) + body)
    return made


def send(port, requests, answers):
    """One connection, one request at a time. Puts {status: count} into `answers`."""
    os.nice(19)
    statuses = {}
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for request in requests:
            client.sendall(request)
            answer = b""
            while b"\r\n\r\n" not in answer:
                answer += client.recv(65536)
            head, _, body = answer.partition(b"\r\n\r\n")
            length = int(next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))[15:])
            while len(body) < length:
                body += client.recv(65536)
            status = int(head.split(b" ", 2)[1])
            statuses[status] = statuses.get(status, 0) + 1
    answers.put(statuses)


def pending(server):
    metrics = server.metrics()
    return sum(value for name, value in metrics.items() if name.startswith("mnema_events{") and 'state="dead"' not in name)


def turns_by_end(server):
    prefix = "mnema_turns_total{"
    return {name[len(prefix):-1]: value for name, value in server.metrics().items() if name.startswith(prefix)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", default=str(ROOT / "build/mnema"))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--events", type=int, default=5000)
    parser.add_argument("--chats", type=int, default=8)
    parser.add_argument("--tokens", type=int, default=600)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--recall", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    a = parser.parse_args()
    model, runs = "smollm2-135m", []
    with Server(a.program, CONFIG.format(recall=a.recall)) as server:
        gaps_of(run_streams(server, model, a.chats, 50))
        send_one = multiprocessing.Queue()
        send(server.port, requests_of(0, 1), send_one)  # the agent's first turn, which reads its system text
        for run in range(1, a.runs + 1):
            while pending(server) > 0:
                time.sleep(0.2)
            alone = gaps_of(run_streams(server, model, a.chats, a.tokens))
            streams = run_streams(server, model, a.chats, a.tokens)
            while min(len(stream.times) for stream in streams) < 10:
                time.sleep(0.002)
            requests, answers = requests_of(run, a.events), multiprocessing.Queue()
            begin = time.perf_counter()
            senders = [multiprocessing.Process(target=send, args=(server.port, requests[i::a.connections], answers))
                       for i in range(a.connections)]
            for sender in senders:
                sender.start()
            beside = gaps_of(streams)  # fails if a chat is refused
            chats_s = time.perf_counter() - begin
            waiting = pending(server)
            beside_later = gaps_of(run_streams(server, model, a.chats, a.tokens)) if waiting > 0 else []
            statuses = {}
            for _ in senders:
                for status, count in answers.get().items():
                    statuses[status] = statuses.get(status, 0) + count
            if statuses != {202: a.events}:
                sys.exit(f"events were refused: {statuses}")
            runs.append({
                "alone": [percentile(alone, p) for p in (0.5, 0.99, 1)],
                "beside": [percentile(beside, p) for p in (0.5, 0.99, 1)],
                "ratio_p99": percentile(beside, 0.99) / percentile(alone, 0.99),
                "ratio_p99_later": percentile(beside_later, 0.99) / percentile(alone, 0.99) if beside_later else None,
                "waiting_when_chats_ended": waiting,
                "chats_s": chats_s,
            })
            if not a.json:
                row = runs[-1]
                later = f"{row['ratio_p99_later']:.2f} x" if beside_later else "-"
                print("alone p50 {:5.1f} p99 {:5.1f} longest {:5.1f} ms".format(*row["alone"]), end="   ")
                print("beside p50 {:5.1f} p99 {:5.1f} longest {:6.1f} ms".format(*row["beside"]), end="   ")
                print(f"p99 {row['ratio_p99']:.2f} x, of the next chats {later}   {waiting:.0f} events left after "
                      f"{chats_s:.1f} s", flush=True)
            while pending(server) > 0:
                time.sleep(0.2)
            runs[-1]["drained_s"] = time.perf_counter() - begin
            if not a.json:
                print(f"  none left after {runs[-1]['drained_s']:.0f} s", flush=True)
        turns, metrics = turns_by_end(server), server.metrics()
    expected = 1 + a.runs * a.events
    dead = metrics.get("mnema_events_dead_total", 0)
    once = sum(value for labels, value in turns.items() if 'agent="sorter"' in labels)
    median = statistics.median
    summary = {"p99_alone_ms": median(r["alone"][1] for r in runs), "p99_beside_ms": median(r["beside"][1] for r in runs),
               "ratio_p99": median(r["ratio_p99"] for r in runs), "turns": turns, "dead_letters": dead, "runs": runs}
    if a.json:
        print(json.dumps(summary))
    else:
        print(f"medians of {len(runs)} runs: p99 alone {summary['p99_alone_ms']:.1f} ms, beside "
              f"{summary['p99_beside_ms']:.1f} ms, ratio {summary['ratio_p99']:.2f}; turns {turns}, {dead:.0f} dead letters")
    if once != expected or len([1 for labels in turns if 'agent="sorter"' in labels]) != 1 or dead:
        sys.exit(f"{expected} turns were expected, all with one end, and no dead letter")


if __name__ == "__main__":
    main()
