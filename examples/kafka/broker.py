#!/usr/bin/env python3
"""A Kafka broker of one node on loopback, without Docker: for trying things out, and for the tests.

    broker.py fetch                     the broker's jars, by Maven, into the cache (needs Java 17 and Maven)
    broker.py start DIR [--sasl]        a broker that goes on running; its address is in DIR/address
    broker.py stop DIR                  ends it
    broker.py tool DIR NAME ...         topics | produce | consume | groups, with the tool's own arguments
    broker.py run DIR [--sasl]          a broker for a program that reads and writes this one's pipes

`run` prints one line of JSON when the broker answers: {"address": ..., "pid": ...}. Then it takes lines: `kill` (-9),
`stop`, `start`, each answered by such a line; the end of its input ends the broker. --sasl adds a listener with the
mechanisms PLAIN and SCRAM-SHA-256 (user `mnema`, password `mnema-secret`), whose address is "sasl_address".

Exit code 77: Java or Maven is not here.
"""
import argparse
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
START_S = 90
TOOLS = {
    "topics": "org.apache.kafka.tools.TopicCommand",
    "produce": "kafka.tools.ConsoleProducer",
    "consume": "org.apache.kafka.tools.consumer.ConsoleConsumer",
    "groups": "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
}
NOT_HERE = 77


def jars():
    """The folder of jars, filled at first use."""
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "mnema" / "kafka"
    libs = cache / "3.9.1"
    if (libs / ".complete").exists():
        return libs
    for program, package in (("java", "default-jre-headless"), ("mvn", "maven")):
        if shutil.which(program) is None:
            print(f"NOT CHECKED: there is no {program}; install the package {package}", file=sys.stderr)
            sys.exit(NOT_HERE)
    libs.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mvn", "-q", "-B", "-f", HERE / "pom.xml", "dependency:copy-dependencies",
                    f"-DoutputDirectory={libs}"], check=True, stdout=sys.stderr)
    (libs / ".complete").touch()
    return libs


def free_ports(count):
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def java(libs, *arguments, memory="256m"):
    return ["java", f"-Xmx{memory}", "-Xms64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto",
            "-cp", f"{libs}/*", *arguments]


class Broker:
    """One node, broker and controller; its ports stay over restarts."""

    def __init__(self, folder, sasl=False):
        self.folder = folder
        self.libs = jars()
        self.process = None
        folder.mkdir(parents=True, exist_ok=True)
        self.port, controller, self.sasl_port = free_ports(3)
        listeners = f"PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{controller}"
        lines = {
            "process.roles": "broker,controller", "node.id": 1,
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
            "controller.listener.names": "CONTROLLER", "inter.broker.listener.name": "PLAINTEXT",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT",
            "log.dirs": folder / "log", "num.partitions": 4,
            "offsets.topic.replication.factor": 1, "offsets.topic.num.partitions": 1,
            "transaction.state.log.replication.factor": 1, "transaction.state.log.min.isr": 1,
            "transaction.state.log.num.partitions": 1, "group.initial.rebalance.delay.ms": 0,
            "message.max.bytes": 96 << 20, "replica.fetch.max.bytes": 96 << 20, "socket.request.max.bytes": 128 << 20,
            "num.network.threads": 2, "num.io.threads": 2, "log.cleaner.enable": "false",
        }
        if sasl:
            listeners += f",SASL_PLAINTEXT://127.0.0.1:{self.sasl_port}"
            plain = ('org.apache.kafka.common.security.plain.PlainLoginModule required username="broker" '
                     'password="broker" user_mnema="mnema-secret";')
            lines["sasl.enabled.mechanisms"] = "PLAIN,SCRAM-SHA-256"
            lines["listener.name.sasl_plaintext.plain.sasl.jaas.config"] = plain
            lines["listener.name.sasl_plaintext.scram-sha-256.sasl.jaas.config"] = (
                "org.apache.kafka.common.security.scram.ScramLoginModule required;")
        lines["listeners"] = listeners
        lines["advertised.listeners"] = ",".join(part for part in listeners.split(",") if "CONTROLLER" not in part)
        self.properties = folder / "server.properties"
        self.properties.write_text("".join(f"{key}={value}\n" for key, value in lines.items()))
        scram = ["--add-scram", "SCRAM-SHA-256=[name=mnema,password=mnema-secret]"] if sasl else []
        subprocess.run(java(self.libs, "kafka.tools.StorageTool", "format", "-t", "bW5lbWEta2Fma2EtdGVzdA", "-c",
                            self.properties, *scram), check=True, stdout=subprocess.DEVNULL)
        self.is_sasl = sasl

    def start(self, detached=True):
        with (self.folder / "broker.log").open("a") as log:
            self.process = subprocess.Popen(java(self.libs, "kafka.Kafka", self.properties, memory="512m"), stdout=log,
                                            stderr=log, stdin=subprocess.DEVNULL, start_new_session=detached)
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            if self.process.poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.1)
        log = self.folder / "broker.log"
        raise SystemExit(f"the broker does not start; see {log}:\n{log.read_text()[-2000:]}")

    def end(self, how):
        if self.process is None:
            return
        self.process.send_signal(how)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def facts(self):
        facts = {"address": f"127.0.0.1:{self.port}", "pid": self.process.pid if self.process else 0}
        if self.is_sasl:
            facts["sasl_address"] = f"127.0.0.1:{self.sasl_port}"
        return facts


def run(folder, sasl):
    # So that the broker ends with us: it is in no process group of whoever ends us.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    broker = Broker(folder, sasl)
    try:
        broker.start()
        (folder / "address").write_text(broker.facts()["address"])
        print(json.dumps(broker.facts()), flush=True)
        for line in sys.stdin:
            what = line.strip()
            if what in ("kill", "stop"):
                broker.end(signal.SIGKILL if what == "kill" else signal.SIGTERM)
            elif what == "start":
                broker.start()
            print(json.dumps(broker.facts()), flush=True)
    finally:
        broker.end(signal.SIGKILL)


def start(folder, sasl):
    if (folder / "pid").exists():
        raise SystemExit(f"{folder} has a broker already; stop it first")
    broker = Broker(folder, sasl)
    broker.start(detached=False)
    (folder / "pid").write_text(str(broker.process.pid))
    (folder / "address").write_text(broker.facts()["address"])
    print(broker.facts()["address"])


def stop(folder):
    pid = int((folder / "pid").read_text())
    try:
        os.kill(pid, signal.SIGTERM)
        until = time.monotonic() + 30
        while time.monotonic() < until:
            os.kill(pid, 0)
            time.sleep(0.1)
    except ProcessLookupError:
        pass
    shutil.rmtree(folder)


def tool(folder, name, arguments):
    address = (folder / "address").read_text()
    os.execvp("java", java(jars(), TOOLS[name], "--bootstrap-server", address, *arguments))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["fetch", "start", "stop", "run", "tool"])
    parser.add_argument("folder", type=pathlib.Path, nargs="?")
    parser.add_argument("name", nargs="?", choices=TOOLS)
    parser.add_argument("--sasl", action="store_true")
    arguments, rest = parser.parse_known_args()
    if arguments.command != "tool" and rest:
        parser.error(f"unknown: {' '.join(rest)}")
    if arguments.command == "fetch":
        return jars()
    if arguments.folder is None:
        parser.error("which folder?")
    folder = arguments.folder.resolve()
    if arguments.command == "start":
        start(folder, arguments.sasl)
    elif arguments.command == "stop":
        stop(folder)
    elif arguments.command == "run":
        run(folder, arguments.sasl)
    elif arguments.name is None:
        parser.error(f"which tool? {', '.join(TOOLS)}")
    else:
        tool(folder, arguments.name, rest)
    return None


if __name__ == "__main__":
    main()
