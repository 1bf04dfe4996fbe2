#!/usr/bin/env python3
"""Our engine beside llama.cpp on the same cores: alternating runs, medians, ratios.

    bench/engine_beside_peer.py                          the three catalogue models: prefill 512, decode 128, 8 streams
    bench/engine_beside_peer.py --depth 2048             also decode at that depth
    bench/engine_beside_peer.py --model FILE ...         other models or files
    bench/engine_beside_peer.py --json                   machine-readable

Larger shapes come from a generator: files with random weights that both engines load (shapes tiny, 1.5b, 3b, 8b; the
types of our kernels; q4_k_m is llama.cpp's mixture of Q4_K and Q6_K). 8b in Q4_0 takes 4.3 GB and 15 s:

    cmake --build build --target random_model
    build/bench/random_model --shape 3b --type q4_k_m --out /tmp/3b-q4_k_m.gguf
    bench/engine_beside_peer.py --streams 0 --model /tmp/3b-q4_k_m.gguf

The peer is built once by bench/peers.sh. Nothing else should run on the machine meanwhile.
"""
import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
CATALOGUE = ["smollm2-135m", "qwen2.5-coder-0.5b", "gemma3-270m"]


def output_of(command):
    done = subprocess.run([str(c) for c in command], text=True, capture_output=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stderr[-2000:]}")
    return done.stdout


def file_of(model):
    if os.path.exists(model):
        return model
    return json.loads(output_of([ROOT / "build/mnema", "models", "info", model, "--json"]))["file"]


def ours(model, a, **extra):
    command = [ROOT / "build/mnema", "bench", "engine", "--model", model, "--threads", a.threads, "--json"]
    for key, value in {"prompt_tokens": a.prompt_tokens, "gen_tokens": a.gen_tokens, **extra}.items():
        command += ["--" + key.replace("_", "-"), value]
    if a.backend:
        command += ["--backend", a.backend]
    return json.loads(output_of(command).strip().splitlines()[-1])


def llama_bench(peer, path, a, prompt, gen, depth=0):
    rows = json.loads(output_of([peer / "llama-bench", "-m", path, "-t", a.threads, "-p", prompt, "-n", gen, "-d", depth,
                                 "-r", 1, "-o", "json"]))
    return {"prefill" if row["n_prompt"] else "decode": row["avg_ts"] for row in rows}


def llama_streams(peer, path, a):
    text = output_of([peer / "llama-batched-bench", "-m", path, "-t", a.threads, "-c", 8192, "-npp", 32,
                      "-ntg", a.gen_tokens, "-npl", a.streams])
    rows = [line for line in text.splitlines() if re.match(r"\|\s+32 \|", line)]
    return float(rows[-1].split("|")[8])


def measure(model, peer, a):
    path = file_of(model)
    found = {}

    def note(what, mine, theirs):
        found.setdefault(what, []).append((mine, theirs))

    for _ in range(a.runs):
        mine = ours(model, a)
        theirs = llama_bench(peer, path, a, a.prompt_tokens, a.gen_tokens)
        note(f"prefill {a.prompt_tokens}", mine["prefill_tokens_per_s"], theirs["prefill"])
        note(f"decode {a.gen_tokens}", mine["decode_tokens_per_s"], theirs["decode"])
        found["integer_peak_fraction"] = mine.get("integer_peak_fraction")
        found["bandwidth_fraction"] = mine.get("bandwidth_fraction")
        if a.streams:
            many = ours(model, a, prompt_tokens=32, streams=a.streams)
            note(f"{a.streams} streams decode", many["decode_tokens_per_s"], llama_streams(peer, path, a))
        if a.depth:
            deep = ours(model, a, prompt_tokens=32, gen_tokens=64, depth=a.depth)
            note(f"decode at {a.depth}", deep["decode_tokens_per_s"], llama_bench(peer, path, a, 0, 64, a.depth)["decode"])
            found[f"bandwidth_fraction at {a.depth}"] = deep.get("bandwidth_fraction")
    rows = {"model": model}
    for what, pairs in found.items():
        if isinstance(pairs, list):
            rows[what] = {"mnema": round(statistics.median(p[0] for p in pairs), 1),
                          "llama.cpp": round(statistics.median(p[1] for p in pairs), 1),
                          "ratio": round(statistics.median(p[0] / p[1] for p in pairs), 2)}
        else:
            rows[what] = pairs
    return rows


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model", action="append", help="catalogue name or GGUF file (repeatable)")
    p.add_argument("--runs", type=int, default=3, help="alternating pairs (default 3)")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--prompt-tokens", type=int, default=512)
    p.add_argument("--gen-tokens", type=int, default=128)
    p.add_argument("--streams", type=int, default=8, help="0 leaves the many-streams run out")
    p.add_argument("--depth", type=int, default=0)
    p.add_argument("--backend", default="")
    p.add_argument("--json", action="store_true")
    a = p.parse_args()
    peer = pathlib.Path(output_of([ROOT / "bench/peers.sh"]).strip().splitlines()[-1])
    for model in a.model or CATALOGUE:
        row = measure(model, peer, a)
        if a.json:
            print(json.dumps(row), flush=True)
            continue
        print(row.pop("model"))
        for what, value in row.items():
            if isinstance(value, dict):
                print(f"  {what:<24} {value['mnema']:>9} tok/s   llama.cpp {value['llama.cpp']:>9}   x {value['ratio']}")
            elif value is not None:
                print(f"  {what:<24} {value:>9.3f}")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
