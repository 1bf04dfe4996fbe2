#!/usr/bin/env python3
"""How far apart a chat's tokens arrive, alone and while one request for 2,048 vectors is being answered, over HTTP.

    bench/embeddings_beside_stream.py                       five alternating runs, medians
    bench/embeddings_beside_stream.py --words 400           texts as long as the encoder takes
    bench/embeddings_beside_stream.py --json

Nothing else should run on the machine meanwhile. bench/embeddings_beside_stream.cpp measures the same inside one process.
"""
import argparse
import json
import statistics
import threading
import time

from streams import ROOT, Server, gaps_of, percentile, run_streams

CONFIG = """
[server]
listen = "127.0.0.1:{port}"
data = "{data}"
[inference]
model = "smollm2-135m"
embedding_model = "all-minilm-l6-v2"
"""


def text_of(number, words):
    choice = ["order", "warehouse", "ship", "customer", "late", "Hamburg", "answer", "mail"]
    return " ".join(choice[(number * 7 + i * 3) % 8] for i in range(words)) + f" {number}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", default=str(ROOT / "build/mnema"))
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--texts", type=int, default=2048)
    parser.add_argument("--words", type=int, default=40)
    parser.add_argument("--tokens", type=int, default=600)
    parser.add_argument("--json", action="store_true")
    a = parser.parse_args()
    texts = [text_of(i, a.words) for i in range(a.texts)]
    runs = []
    with Server(a.program, CONFIG) as server:
        gaps_of(run_streams(server, "smollm2-135m", 1, 50))
        server.request("POST", "/v1/embeddings", {"input": texts[:8]})
        for _ in range(a.runs):
            alone = gaps_of(run_streams(server, "smollm2-135m", 1, a.tokens))
            answer = {}

            def embed():
                begin = time.perf_counter()
                body = {"input": texts, "encoding_format": "base64"}
                answer["status"], _ = server.request("POST", "/v1/embeddings", body)
                answer["end"] = time.perf_counter()
                answer["seconds"] = answer["end"] - begin

            # The request comes while the chat is streaming.
            streams = run_streams(server, "smollm2-135m", 1, a.tokens)
            while len(streams[0].times) < 20:
                time.sleep(0.001)
            job = threading.Thread(target=embed)
            job.start()
            beside = gaps_of(streams)
            covered = job.is_alive()
            job.join()
            if answer["status"] != 200:
                raise SystemExit(f"the texts were refused with {answer['status']}")
            runs.append({
                "alone": [percentile(alone, p) for p in (0.5, 0.99, 1)],
                "beside": [percentile(beside, p) for p in (0.5, 0.99, 1)],
                "ratio_p99": percentile(beside, 0.99) / percentile(alone, 0.99),
                "texts_outlast_the_chat": covered,
                "texts_s": answer["seconds"],
            })
            if not a.json:
                print("alone p50 {:5.2f} p99 {:5.2f} longest {:6.2f} ms".format(*runs[-1]["alone"]), end="   ")
                print("beside p50 {:5.2f} p99 {:5.2f} longest {:6.2f} ms".format(*runs[-1]["beside"]), end="   ")
                print(f"p99 {runs[-1]['ratio_p99']:.2f} x   texts {answer['seconds']:.1f} s{'' if covered else ' (ended first)'}",
                      flush=True)
    median = statistics.median
    summary = {"p99_alone_ms": median(r["alone"][1] for r in runs), "p99_beside_ms": median(r["beside"][1] for r in runs),
               "ratio_p99": median(r["ratio_p99"] for r in runs), "runs": runs}
    if a.json:
        print(json.dumps(summary))
    else:
        print(f"medians of {len(runs)} runs: p99 alone {summary['p99_alone_ms']:.2f} ms, beside "
              f"{summary['p99_beside_ms']:.2f} ms, ratio {summary['ratio_p99']:.2f}")


if __name__ == "__main__":
    main()
