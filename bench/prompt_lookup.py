#!/usr/bin/env python3
"""What speculation by prompt look-up gives: decode tok/s with and without it, alternating, and whether the text is the same.

    bench/prompt_lookup.py                        the catalogue models smollm2-135m and qwen2.5-coder-0.5b
    bench/prompt_lookup.py --model NAME --draft 8

Three kinds of answers: a list copied, code repeated with a name changed, a story. Nothing else should run meanwhile.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[1]
FRUIT = "apple pear plum cherry grape melon lemon orange banana kiwi mango papaya fig date quince".split()


def prompts():
    fruit = "\n".join(f"{i}. {name} costs {i * 7} euro and weighs {i * 3} grams" for i, name in enumerate(FRUIT, 1))
    code = (ROOT / "inference/sampling/prompt_lookup.cpp").read_text(encoding="utf-8")[:2200]
    return {
        "copy a list": f"Repeat this list exactly:\n{fruit}",
        "edit code": f"Repeat this code exactly, with the name proposal changed to draft:\n```cpp\n{code}\n```",
        "tell a story": "Tell me a short story about a lighthouse keeper.",
    }


def ask(port, prompt, draft):
    body = {"model": "default", "messages": [{"role": "user", "content": prompt}], "temperature": 0, "max_tokens": 200,
            "speculation_tokens_max": draft}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/chat/completions", json.dumps(body).encode(),
                                     {"Content-Type": "application/json"})
    answer = json.load(urllib.request.urlopen(request, timeout=300))
    rate = answer["usage"]["completion_tokens"] / answer["timings"]["decode_ms"] * 1e3
    return rate, answer["choices"][0]["message"]["content"]


def measure(model, a):
    server = subprocess.Popen([ROOT / "build/mnema", "serve", "--model", model, "--listen", f"127.0.0.1:{a.port}"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{a.port}/health", timeout=5)
                break
            except OSError:
                time.sleep(0.1)
        else:
            sys.exit(f"mnema serve --model {model} does not answer on port {a.port}")
        for name, prompt in prompts().items():
            rates, texts = {0: [], a.draft: []}, {}
            for _ in range(a.runs):
                for draft in rates:
                    rate, texts[draft] = ask(a.port, prompt, draft)
                    rates[draft].append(rate)
            plain, drafted = statistics.median(rates[0]), statistics.median(rates[a.draft])
            same = "same text" if texts[0] == texts[a.draft] else "THE TEXT DIFFERS"
            print(f"{model:<22}{name:<14}{plain:7.0f} tok/s   speculation {drafted:7.0f}   x {drafted / plain:.2f}   {same}", flush=True)
    finally:
        server.terminate()
        server.wait()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model", action="append", help="catalogue name or GGUF file (repeatable)")
    p.add_argument("--draft", type=int, default=8, help="draft tokens at most (default 8)")
    p.add_argument("--runs", type=int, default=3)
    p.add_argument("--port", type=int, default=7272)
    a = p.parse_args()
    for model in a.model or ["smollm2-135m", "qwen2.5-coder-0.5b"]:
        measure(model, a)


if __name__ == "__main__":
    main()
