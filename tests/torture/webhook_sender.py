"""A sender of signed webhooks that keeps at each one until it is acknowledged, and counts the acknowledgements."""

import base64
import hashlib
import hmac
import http.client
import json
import threading
import time

from agent_process import SECRET


def signed(identity, body):
    timestamp = str(int(time.time()))
    content = f"{identity}.{timestamp}.".encode() + body
    digest = base64.b64encode(hmac.new(SECRET.encode(), content, hashlib.sha256).digest()).decode()
    return {
        "Content-Type": "application/json",
        "webhook-id": identity,
        "webhook-timestamp": timestamp,
        "webhook-signature": "v1," + digest,
    }


def encoded(work):
    return json.dumps(work).encode()


class WebhookSender:
    """Sends lanes of events, each lane in order and one at a time, over one connection per lane."""

    def __init__(self, port, lanes, give_up_at):
        self.port = port
        self.give_up_at = give_up_at
        self.lock = threading.Lock()
        self.acknowledged = []  # ids, guarded by lock
        self.refusals = {}  # status or failure -> how often, guarded by lock
        self.threads = [threading.Thread(target=self._send_lane, args=(lane,), daemon=True) for lane in lanes]

    def start(self):
        for thread in self.threads:
            thread.start()

    def count(self):
        with self.lock:
            return len(self.acknowledged)

    def is_done(self):
        return not any(thread.is_alive() for thread in self.threads)

    def _send_lane(self, lane):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        for work in lane:
            body = encoded(work)
            while (answer := self._send(connection, work["id"], body)) != 202:
                with self.lock:
                    self.refusals[answer] = self.refusals.get(answer, 0) + 1
                if time.monotonic() > self.give_up_at:
                    return
                time.sleep(0.1)
            with self.lock:
                self.acknowledged.append(work["id"])
        connection.close()

    @staticmethod
    def _send(connection, identity, body):
        try:
            connection.request("POST", "/hooks/torture", body, signed(identity, body))
            response = connection.getresponse()
            response.read()
            return response.status
        except (OSError, http.client.HTTPException) as failure:
            connection.close()  # opens itself again
            return type(failure).__name__
