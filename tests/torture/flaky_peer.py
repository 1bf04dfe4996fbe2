"""An HTTP service on loopback that fails on purpose, and remembers what really reached it.

A request "takes effect" when it has been read whole and the service does what it asks. Failing comes in kinds, drawn by
the service's own seed: an error status, a reset, an answer cut in its middle, a late answer; each of them before or
after the effect, so that a caller cannot tell. For short times the port is closed and connections are refused.
"""

import json
import random
import socket
import struct
import threading
import time

BACKLOG = 256
SLOW_S = (0.05, 0.6)


class FlakyPeer:
    """Serves from construction to `close`. `act(path, key, body)` does the effect and gives the answer's text."""

    def __init__(self, act, failing, seed, refuse_s=0.0, delay_s=(0.0, 0.0)):
        self.act = act
        self.failing = failing  # share of requests that go wrong
        self.refuse_s = refuse_s  # length of the times when connections are refused; 0 = never
        self.delay_s = delay_s
        self.random = random.Random(seed)
        self.lock = threading.Lock()  # guards random, counts and the effects of `act`
        self.requests = 0
        self.failures = 0
        self.calm = False  # True: nothing fails any more
        self.hanging = False  # True: requests are read and never answered
        self.closed = threading.Event()
        self.listener = self._listen(0)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        if refuse_s:
            threading.Thread(target=self._refuse_now_and_then, daemon=True).start()

    def close(self):
        self.closed.set()
        self._stop_listening()

    def _listen(self, port):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(BACKLOG)
        return listener

    def _stop_listening(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)  # wakes `accept`
        except OSError:
            pass
        self.listener.close()

    def _accept(self):
        while not self.closed.is_set():
            try:
                connection, _ = self.listener.accept()
            except OSError:
                time.sleep(0.01)  # refusing, or closed
                continue
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _refuse_now_and_then(self):
        while not self.closed.wait(self._draw(2.0, 6.0)):
            if self.calm:
                continue
            self._stop_listening()
            time.sleep(self.refuse_s)
            self.listener = self._listen(self.port)

    def _draw(self, low, high):
        with self.lock:
            return self.random.uniform(low, high)

    def _fate(self):
        """What goes wrong with the next request: None, or (kind, whether the effect happens all the same)."""
        with self.lock:
            self.requests += 1
            if self.calm or self.random.random() >= self.failing:
                return None
            self.failures += 1
            return self.random.choice(("status", "reset", "cut", "slow")), self.random.random() < 0.5

    def _serve(self, connection):
        try:
            with connection, connection.makefile("rb") as stream:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                while self._serve_one(connection, stream):
                    pass
        except OSError:
            pass

    def _serve_one(self, connection, stream):
        line = stream.readline(65536)
        if not line:
            return False
        method, path = line.split()[:2]
        headers = {}
        while (header := stream.readline(65536).strip()) != b"":
            name, _, value = header.partition(b":")
            headers[name.strip().lower()] = value.strip()
        length = int(headers.get(b"content-length", b"0"))
        body = stream.read(length)
        if len(body) < length:
            return False
        if self.hanging:
            self.act(path.decode(), headers.get(b"idempotency-key", b"").decode(), body)
            self.closed.wait(600)
            return False
        if self.delay_s[1]:
            time.sleep(self._draw(*self.delay_s))
        fate = self._fate()
        kind, happens = fate or ("", True)
        answer = b""
        if happens or method == b"GET":
            with self.lock:
                answer = self.act(path.decode(), headers.get(b"idempotency-key", b"").decode(), body).encode()
        if kind == "slow":
            time.sleep(self._draw(*SLOW_S))
            if not happens:
                kind = "status"
        if kind == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        if kind == "cut":
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"half")
            return False
        if kind == "status":
            connection.sendall(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 5\r\n\r\nsorry")
            return True
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s" % (len(answer), answer))
        return True


class Ledger:
    """The effects of one kind, by idempotency key and by the id of the business they are about."""

    def __init__(self):
        self.key_of = {}  # business id -> keys under which it was asked for, in order of arrival
        self.calls = {}  # idempotency key -> requests that took effect (a repeat of a key is one effect)
        self.arrived = []  # business ids, in order of their first arrival

    def act(self, key, body):
        """Does the effect unless the key is known, as a service with idempotency keys does."""
        business = json.loads(body)["id"]
        if self.calls.setdefault(key, 0) == 0:
            self.key_of.setdefault(business, []).append(key)
            self.arrived.append(business)
        self.calls[key] += 1
        return "done " + business

    def act_always(self, key, body):
        """Does the effect every time: a service that knows nothing of idempotency keys."""
        business = json.loads(body)["id"]
        self.key_of.setdefault(business, []).append(key)
        self.arrived.append(business)
        self.calls[key] = self.calls.get(key, 0) + 1
        return "done " + business

    def doubled(self):
        return sorted(business for business, keys in self.key_of.items() if len(keys) > 1)

    def repeats(self):
        return sum(self.calls.values()) - len(self.calls)
