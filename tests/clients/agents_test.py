"""The quickstart as its users meet it: webhook to draft, chat with citations, kill -9, bad input.

Usage: agents_test.py MNEMA_PROGRAM. Skips (77) without the openai client or the models.
"""

import hashlib
import hmac
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

try:
    import openai
except ImportError:
    print("skipped: the openai client is not installed (./dev test installs it)")
    sys.exit(77)

PROGRAM = sys.argv[1]
ROOT = pathlib.Path(__file__).resolve().parents[2]
SECRET = b"it is a test"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    def __init__(self, folder):
        self.folder = folder
        self.port = free_port()
        self.process = None
        self.config = folder / "mnema.toml"
        self.config.write_text(
            f"""
[server]
listen = "127.0.0.1:{self.port}"
data = "{folder}/data"
[inference]
model = "qwen2.5-coder-0.5b"
[memory]
documents = ["{ROOT}/docs"]
[agents.assistant]
first_token_ms = 0
[agents.triage]
[connectors.replies]
kind = "file"
path = "{folder}/replies.ndjson"
[sources.github]
kind = "webhook"
path = "/hooks/github"
secrets = [{{env = "TEST_WEBHOOK_SECRET"}}]
"""
        )

    def start(self):
        log = open(self.folder / "serve.log", "ab")
        environment = dict(os.environ, TEST_WEBHOOK_SECRET=SECRET.decode())
        self.process = subprocess.Popen([PROGRAM, "serve", "--config", str(self.config)], stderr=log, env=environment)
        for _ in range(600):
            if self.process.poll() is not None:
                raise SystemExit((self.folder / "serve.log").read_text())
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=5)
                return
            except OSError:
                time.sleep(0.1)
        raise SystemExit("the server does not answer")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=60) == 0, "an orderly end"

    def deliver(self, delivery, number, title, body, secret=SECRET):
        payload = json.dumps(
            {
                "action": "opened",
                "issue": {"number": number, "title": title, "body": body},
                "repository": {"full_name": "acme/shop"},
            }
        ).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/hooks/github",
            data=payload,
            headers={
                "Content-Type": "application/json",
                "X-GitHub-Event": "issues",
                "X-GitHub-Delivery": delivery,
                "X-Hub-Signature-256": "sha256=" + hmac.new(secret, payload, hashlib.sha256).hexdigest(),
            },
        )
        try:
            return urllib.request.urlopen(request, timeout=30).status
        except urllib.error.HTTPError as error:
            return error.code

    def get(self, path):
        return urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=30).read().decode()

    def replies(self):
        path = self.folder / "replies.ndjson"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def wait_for_replies(self, count):
        for _ in range(900):
            if len(self.replies()) >= count:
                return self.replies()
            time.sleep(0.1)
        raise SystemExit(f"{len(self.replies())} replies, not {count}\n" + (self.folder / "serve.log").read_text())


def exit_code_of(*arguments):
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=120)
    return done.returncode, done.stderr


def main():
    with tempfile.TemporaryDirectory() as temporary:
        server = Server(pathlib.Path(temporary))
        try:
            scenario(server, temporary)
        except BaseException:
            print((server.folder / "serve.log").read_text()[-8000:])
            raise
        finally:
            if server.process and server.process.poll() is None:
                server.kill()


def scenario(server, temporary):
    server.start()

    # A webhook wakes triage; the same delivery again does nothing; a wrong signature is refused.
    assert server.deliver("d-1", 1, "Crash when saving", "The program crashes with a segfault when I save.") == 202
    assert server.deliver("d-1", 1, "Crash when saving", "The program crashes with a segfault when I save.") == 202
    assert server.deliver("d-x", 9, "Forged", "", secret=b"wrong") == 401
    # A captured body under another id makes no second draft (the count below), and an id with another body is told.
    assert server.deliver("d-1b", 1, "Crash when saving", "The program crashes with a segfault when I save.") == 202
    assert server.deliver("d-1", 1, "Crash when saving", "Another body.") == 409
    first = server.wait_for_replies(1)[0]
    body = first["body"]
    assert body["label"] in ("bug", "feature", "question", "documentation"), body
    assert body["issue"] == "acme/shop#1", body
    assert body["reply"], body
    print("webhook: labelled", body["label"], flush=True)

    # Chat with citations, streamed and not. The documents are read in the background.
    client = openai.OpenAI(base_url=f"http://127.0.0.1:{server.port}/v1", api_key="none", timeout=60, max_retries=0)
    assert "assistant" in [model.id for model in client.models.list().data]
    question = [{"role": "user", "content": "What does the mailbox do with an event?"}]
    for _ in range(600):  # what is found changes until all passages have their vectors
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics", timeout=30) as metrics:
            values = dict(line.rsplit(" ", 1) for line in metrics.read().decode().splitlines() if " " in line)
        if values.get("mnema_memory_vectors_pending") == "0" and float(values["mnema_memory_vectors"]) > 1:
            break
        time.sleep(0.5)
    for _ in range(60):
        answer = client.chat.completions.create(model="assistant", messages=question).choices[0].message
        if answer.annotations:
            break
        time.sleep(1)
    source = answer.annotations[0].url_citation
    assert ".md#L" in source.url and source.title, answer
    assert answer.content[source.start_index:source.end_index].startswith("["), answer
    text, sources = "", []
    for chunk in client.chat.completions.create(model="assistant", messages=question, stream=True):
        for choice in chunk.choices:
            text += choice.delta.content or ""
            sources += getattr(choice.delta, "annotations", None) or []
    assert text == answer.content, (text, answer.content)
    assert [each["url_citation"]["url"] for each in sources] == [each.url_citation.url for each in answer.annotations]
    print("chat: cites its documents")

    # kill -9 right after the acknowledgement: nothing is lost, nothing is done twice.
    for number in (2, 3, 4):
        assert server.deliver(f"d-{number}", number, f"Crash {number}", "It crashes again when saving.") == 202
    assert len(server.replies()) < 4, "some work is under way"
    server.kill()
    server.start()
    issues = [line["body"]["issue"] for line in server.wait_for_replies(4)]
    time.sleep(1)
    assert sorted(issues) == [f"acme/shop#{number}" for number in (1, 2, 3, 4)], issues
    assert len(server.replies()) == 4, server.replies()
    later = server.replies()[-1]["body"]
    assert later["similar"] >= 1, "memory came back and was recalled"
    print("kill -9: four issues, four drafts")

    # What it is asked about itself. Without keys nobody is asked for one.
    health = json.loads(server.get("/health?full"))
    assert health["status"] == "ok" and health["dead_letters"] == {"events": 0, "messages": 0}, health
    assert json.loads(server.get("/health")) == {"status": "ok"}
    metrics = server.get("/metrics")
    for name in ("mnema_events_accepted_total", "mnema_memory_entries", "mnema_turns_total", "mnema_http_requests_total"):
        assert f"\n{name}" in metrics, metrics

    # The data folder and the port are in use.
    code, text = exit_code_of("serve", "--listen", f"127.0.0.1:{server.port}")
    assert code == 5, (code, text)
    code, text = exit_code_of("serve", "--config", str(server.config), "--listen", "127.0.0.1:0")
    assert code == 6, (code, text)
    server.stop()

    bad = pathlib.Path(temporary) / "bad.toml"
    bad.write_text('[server]\napi_key = "sk-12345"\n')
    code, text = exit_code_of("serve", "--config", str(bad))
    assert code == 3 and "bad.toml:2:" in text and "sk-12345" not in text, (code, text)
    code, text = exit_code_of("serve", "--config", temporary + "/none.toml")
    assert code == 3 and "none.toml" in text, (code, text)
    print("bad input: exit codes and messages")


main()
