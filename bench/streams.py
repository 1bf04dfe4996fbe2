"""A server under measurement, and chats that stream from it: how far apart their tokens arrive.

For the benchmarks beside it. A client thread reads raw bytes and notes when each piece comes, nothing else, because the
clients share the machine's cores with the server.
"""
import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]


class Server:
    """`mnema serve` with a configuration, in a folder of its own, until the `with` block ends."""

    def __init__(self, program, config, words=()):
        self.folder = tempfile.TemporaryDirectory(prefix="mnema-bench-")
        self.log_path = os.path.join(self.folder.name, "log")
        path = os.path.join(self.folder.name, "config.toml")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        pathlib.Path(path).write_text(config.format(port=self.port, data=self.folder.name))
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen([program, "serve", "--config", path, *words], stdout=log, stderr=log)

    def __enter__(self):
        give_up = time.monotonic() + 60
        while time.monotonic() < give_up and self.process.poll() is None:
            try:
                if self.request("GET", "/health")[0] == 200:
                    return self
            except OSError:
                time.sleep(0.05)
        sys.exit("the server does not start:\n" + pathlib.Path(self.log_path).read_text()[-2000:])

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.folder.cleanup()

    def request(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        data = None if body is None else json.dumps(body).encode()
        connection.request(method, path, data, {"Content-Type": "application/json", **(headers or {})})
        response = connection.getresponse()
        answer = response.status, response.read()
        connection.close()
        return answer

    def metrics(self):
        """Name with labels -> value."""
        lines = self.request("GET", "/metrics")[1].decode().splitlines()
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[:1] not in "#")}


class Stream(threading.Thread):
    """One chat, read to its end. `gaps` in ms between the pieces of its answer; `status` of its response."""

    def __init__(self, server, model, prompt, tokens):
        super().__init__(daemon=True)
        self.server = server
        self.body = {"model": model, "messages": [{"role": "user", "content": prompt}], "stream": True,
                     "max_tokens": tokens, "ignore_eos": True, "temperature": 0}
        self.gaps = []
        self.status = None
        self.end = 0
        self.times = []

    def run(self):
        with socket.create_connection(("127.0.0.1", self.server.port)) as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            data = json.dumps(self.body).encode()
            client.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                           b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(data) + data)
            rest = b""
            while received := client.recv(65536):
                now = time.perf_counter()
                if self.status is None:
                    self.status = int(received.split(b" ", 2)[1])
                pieces = (rest + received).count(b'"content":"')
                rest = received[-10:] if not received.endswith(b"\n") else b""
                if pieces:
                    self.times.append(now)
            self.end = time.perf_counter()
        self.gaps = [1000 * (b - a) for a, b in zip(self.times, self.times[1:])]


def percentile(values, part):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else float("nan")


def run_streams(server, model, count, tokens):
    """Starts `count` chats at once; join them for their gaps."""
    prompts = ["Write a long story about a ship, a storm and captain number %d." % i for i in range(count)]
    streams = [Stream(server, model, prompt, tokens) for prompt in prompts]
    for stream in streams:
        stream.start()
    return streams


def gaps_of(streams):
    """All gaps of all streams; whoever was refused ends the benchmark."""
    for stream in streams:
        stream.join()
        if stream.status != 200:
            sys.exit(f"a chat was refused with {stream.status}")
    return [gap for stream in streams for gap in stream.gaps]
