#!/usr/bin/env python3
"""A RabbitMQ broker of one node on loopback, beside any other: for trying things out, and for the tests.

    broker.py check                     whether RabbitMQ and its tools are here (apt install rabbitmq-server amqp-tools)
    broker.py start DIR                 a broker that goes on running; its address is in DIR/address
    broker.py stop DIR                  ends it
    broker.py ctl DIR ...               rabbitmqctl of that broker, with its own arguments
    broker.py run DIR [--tls CA CERT KEY] [--config LINE]...
                                        a broker for a program that reads and writes this one's pipes

`run` prints one line of JSON when the broker answers: {"address": ..., "pid": ...}. Then it takes lines: `kill` (-9),
`stop`, `start`, `freeze`, `thaw`, `ctl ARGUMENTS`, each answered by such a line; the end of its input ends the broker.
--tls adds a listener with those PEM files, whose address is "tls_address". The user `mnema` has the password
`mnema-secret`.

Ports, node name, cookie and data are its own, and so is the port mapper of Erlang (epmd), which ends with it.

Exit code 77: RabbitMQ is not here.
"""
import argparse
import json
import os
import pathlib
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time

# The scripts themselves: those in PATH change to a user of their own.
SCRIPTS = pathlib.Path("/usr/lib/rabbitmq/bin")
START_S = 90
NOT_HERE = 77


def check():
    if not (SCRIPTS / "rabbitmq-server").exists() or shutil.which("erl") is None:
        print("NOT CHECKED: there is no RabbitMQ; install the package rabbitmq-server", file=sys.stderr)
        sys.exit(NOT_HERE)


def check_tools():
    check()
    if shutil.which("amqp-publish") is None:
        print("NOT CHECKED: there is no amqp-publish; install the package amqp-tools", file=sys.stderr)
        sys.exit(NOT_HERE)


def free_ports(count):
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def environment(folder):
    """Of the node in `folder`, whose ports are in its file `ports`."""
    port, _, distribution, epmd = json.loads((folder / "ports").read_text())
    own = {key: value for key, value in os.environ.items() if not key.startswith(("RABBITMQ_", "ERL_"))}
    own.update({
        "HOME": str(folder), "RABBITMQ_NODENAME": f"mnema-{port}@localhost",
        "RABBITMQ_DIST_PORT": str(distribution), "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "log"), "RABBITMQ_LOGS": str(folder / "log" / "rabbit.log"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"), "RABBITMQ_CONF_ENV_FILE": str(folder / "no-env.conf"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_CTL_DIST_PORT_MIN": "20000", "RABBITMQ_CTL_DIST_PORT_MAX": "60000",
        # The server's script then becomes the server, so that its process id is ours to end.
        "RABBITMQ_ALLOW_INPUT": "1",
        "ERL_EPMD_PORT": str(epmd), "ERL_EPMD_ADDRESS": "127.0.0.1", "LANG": "C.UTF-8",
    })
    return own


class Broker:
    """One node; its ports stay over restarts."""

    def __init__(self, folder, tls=None, config=()):
        check()
        self.folder = folder
        self.process = None
        self.epmd = None
        for name in ("", "mnesia", "log"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        ports = free_ports(4)
        self.port, self.tls_port, _, self.epmd_port = ports
        (folder / "ports").write_text(json.dumps(ports))
        (folder / "enabled_plugins").write_text("[].\n")
        lines = [f"listeners.tcp.default = 127.0.0.1:{self.port}", "default_user = mnema",
                 "default_pass = mnema-secret", "vm_memory_high_watermark.absolute = 1GB",
                 "disk_free_limit.absolute = 50MB", "log.file.level = info"]
        self.is_tls = tls is not None
        if tls is not None:
            ca, certificate, key = tls
            lines += [f"listeners.ssl.default = 127.0.0.1:{self.tls_port}", f"ssl_options.cacertfile = {ca}",
                      f"ssl_options.certfile = {certificate}", f"ssl_options.keyfile = {key}",
                      "ssl_options.verify = verify_peer", "ssl_options.fail_if_no_peer_cert = true"]
        (folder / "rabbitmq.conf").write_text("\n".join([*lines, *config]) + "\n")

    def start(self, detached=True):
        own = environment(self.folder)
        with (self.folder / "broker.out").open("a") as log:
            quiet = {"stdout": log, "stderr": log, "env": own, "cwd": self.folder, "start_new_session": detached}
            if self.epmd is None or self.epmd.poll() is not None:
                self.epmd = subprocess.Popen(["epmd", "-port", str(self.epmd_port), "-address", "127.0.0.1"],
                                             stdin=subprocess.DEVNULL, **quiet)
                self.wait_for(self.epmd_port, self.epmd)
            # -noshell: it reads no terminal; its input is a pipe that nobody writes.
            self.process = subprocess.Popen([SCRIPTS / "rabbitmq-server", "-noshell"], stdin=subprocess.DEVNULL, **quiet)
        self.wait_for(self.port, self.process)

    def wait_for(self, port, process):
        until = time.monotonic() + START_S
        while time.monotonic() < until and process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                time.sleep(0.1)
        log = self.folder / "broker.out"
        self.end(signal.SIGKILL)
        self.end_epmd()
        raise SystemExit(f"the broker does not start; see {log}:\n{log.read_text()[-3000:]}")

    def end(self, how):
        if self.process is None:
            return
        self.process.send_signal(signal.SIGCONT)
        self.process.send_signal(how)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def end_epmd(self):
        if self.epmd is not None:
            self.epmd.kill()
            self.epmd.wait()
            self.epmd = None

    def facts(self):
        facts = {"address": f"127.0.0.1:{self.port}", "pid": self.process.pid if self.process else 0}
        if self.is_tls:
            facts["tls_address"] = f"localhost:{self.tls_port}"
        return facts


def ctl(folder, arguments, **how):
    return subprocess.run([SCRIPTS / "rabbitmqctl", *arguments], env=environment(folder), check=False, **how)


def run(folder, tls, config):
    # So that the broker ends with us: it is in no process group of whoever ends us.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    broker = Broker(folder, tls, config)
    try:
        broker.start()
        print(json.dumps(broker.facts()), flush=True)
        for line in sys.stdin:
            what, *arguments = shlex.split(line)
            if what in ("kill", "stop"):
                broker.end(signal.SIGKILL if what == "kill" else signal.SIGTERM)
            elif what == "start":
                broker.start()
            elif what in ("freeze", "thaw"):
                broker.process.send_signal(signal.SIGSTOP if what == "freeze" else signal.SIGCONT)
            facts = broker.facts()
            if what == "ctl":
                done = ctl(folder, arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
                facts.update({"code": done.returncode, "text": done.stdout})
            print(json.dumps(facts), flush=True)
    finally:
        broker.end(signal.SIGKILL)
        broker.end_epmd()


def start(folder):
    if (folder / "pids").exists():
        raise SystemExit(f"{folder} has a broker already; stop it first")
    broker = Broker(folder)
    broker.start(detached=False)
    (folder / "pids").write_text(json.dumps([broker.process.pid, broker.epmd.pid]))
    (folder / "address").write_text(broker.facts()["address"])
    print(broker.facts()["address"])


def stop(folder):
    for pid in json.loads((folder / "pids").read_text()):
        try:
            os.kill(pid, signal.SIGTERM)
            until = time.monotonic() + 30
            while time.monotonic() < until:
                os.kill(pid, 0)
                time.sleep(0.1)
        except ProcessLookupError:
            pass
    shutil.rmtree(folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["check", "start", "stop", "run", "ctl"])
    parser.add_argument("folder", type=pathlib.Path, nargs="?")
    parser.add_argument("--tls", nargs=3, metavar=("CA", "CERT", "KEY"))
    parser.add_argument("--config", action="append", default=[], help="a line of rabbitmq.conf")
    arguments, rest = parser.parse_known_args()
    if arguments.command != "ctl" and rest:
        parser.error(f"unknown: {' '.join(rest)}")
    if arguments.command == "check":
        return check_tools()
    if arguments.folder is None:
        parser.error("which folder?")
    folder = arguments.folder.resolve()
    if arguments.command == "start":
        start(folder)
    elif arguments.command == "stop":
        stop(folder)
    elif arguments.command == "run":
        run(folder, arguments.tls, arguments.config)
    else:
        return ctl(folder, rest).returncode
    return None


if __name__ == "__main__":
    sys.exit(main())
