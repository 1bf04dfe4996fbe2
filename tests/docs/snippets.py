#!/usr/bin/env python3
"""Does what a document tells its reader to do, and compares what comes of it.

    tests/docs/snippets.py --package DIR FILE.md...

In a document, a comment before a fenced block says what the block is:

    <!-- snippet: shop.cpp -->    a file, written under this name; a later block of the same name replaces it
    <!-- snippet: shop.cpp before: int main -->      lines to put before the one line that begins so
    <!-- snippet: shop.cpp instead of: int x -->     lines to put in place of the one that begins so
    <!-- in a shell -->                a session: lines that begin with "$ " are typed, in one shell from the top of the
                                  document to its end; the lines below each are what it prints. `...` stands for
                                  any text. Nothing below a command: what it prints does not matter.

A command that fails (in its last part) fails the document. `cat` and `tail -n 1` are repeated for a while, with all
their line, until they print what is written: deliveries are asynchronous. Only standard output is compared. The port 7070 of the documents becomes a free one, $MNEMA is the
installed package, and $MNEMA_SOURCE the source tree.
"""
import argparse
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

BLOCK = re.compile(r"<!-- (snippet: (?P<name>\S+)(?: (?P<how>before|instead of): (?P<line>.+?))?|in a shell) -->\n```\w*\n(?P<text>.*?)```", re.S)
PATIENCE_S = 20
NOT_HERE = 77  # what a document needs is not on this machine
ROOT = pathlib.Path(__file__).resolve().parents[2]
# Scripts that a document may start a broker with, and the command by which each says whether it can.
BROKERS = [("examples/kafka/broker.py", "fetch", "a Kafka broker"),
           ("examples/kafka/registry.py", "fetch", "a schema registry"),
           ("examples/rabbitmq/broker.py", "check", "RabbitMQ (rabbitmq-server and amqp-tools)")]


class Shell:
    """One bash for a whole document; background programs die with it."""

    def __init__(self, folder, environment):
        self.process = subprocess.Popen(["bash", "--noprofile", "--norc"], cwd=folder, env=environment, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=(folder / "stderr.log").open("w"),
                                        start_new_session=True)

    def run(self, command):
        """What it printed, and its exit code."""
        self.process.stdin.write(f"{command}\nprintf '\\n<<%s>>\\n' $?\n")
        self.process.stdin.flush()
        lines = []
        for line in self.process.stdout:
            if end := re.fullmatch(r"<<(\d+)>>\n", line):
                return "".join(lines).strip("\n"), int(end.group(1))
            lines.append(line)
        raise AssertionError(f"the shell ended at: {command}\n{''.join(lines)}")

    def close(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()


def edited(text, how, begin, content):
    """`text` with `content` before, or instead of, the line that begins with `begin`, blanks aside."""
    lines = text.splitlines(keepends=True)
    places = [place for place, line in enumerate(lines) if line.strip().startswith(begin)]
    if len(places) != 1:
        raise AssertionError(f"{len(places)} lines begin with '{begin}'")
    lines[places[0]:places[0] + (how == "instead of")] = [content]
    return "".join(lines)


def matches(expected, printed):
    pattern = ".*".join(re.escape(part) for part in expected.strip("\n").split("..."))
    return re.fullmatch(pattern, printed.strip("\n"), re.S) is not None


def commands_of(text):
    """(command, what it prints) for each."""
    found = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append([line[2:], ""])
        elif found and found[-1][0].endswith("\\") and not found[-1][1]:
            found[-1][0] += "\n" + line
        elif found:
            found[-1][1] += line + "\n"
    return found


def play(document, folder, package, port):
    """The number of commands and files. Raises with the line where the document is not true."""
    text = document.read_text(encoding="utf-8")
    shell = Shell(folder, {**os.environ, "MNEMA": str(package), "MNEMA_SOURCE": str(ROOT), "PATH": f"{package}/bin:{os.environ['PATH']}",
                           "CCACHE_DISABLE": "1"})
    done = 0
    try:
        for block in BLOCK.finditer(text):
            line = text.count("\n", 0, block.start()) + 1
            content = block.group("text").replace("7070", str(port))
            if block.group("name"):
                file = folder / block.group("name")
                if block.group("how"):
                    content = edited(file.read_text(), block.group("how"), block.group("line"), content)
                file.write_text(content)
                done += 1
                continue
            for command, expected in commands_of(content):
                until = time.monotonic() + PATIENCE_S
                while True:
                    printed, code = shell.run(command)
                    good = code == 0 and (not expected or matches(expected, printed))
                    if good or not re.search(r"^cat |tail -n 1", command) or time.monotonic() > until:
                        break
                    time.sleep(0.1)
                if not good:
                    raise AssertionError(f"{document}:{line}: $ {command}\nprinted, with exit code {code}:\n{printed}\n"
                                         f"and the document says:\n{expected}")
                done += 1
    finally:
        shell.close()
    return done


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--package", type=pathlib.Path, help="prefix of an installed package")
    parser.add_argument("--build", type=pathlib.Path, help="or: the build folder to install one from")
    parser.add_argument("documents", nargs="+", type=pathlib.Path)
    arguments = parser.parse_args()
    home = pathlib.Path(tempfile.mkdtemp(prefix="mnema-docs-"))
    failed = skipped = 0
    try:
        package = arguments.package
        if package is None:
            package = home / "package"
            subprocess.run(["cmake", "--install", arguments.build, "--prefix", package], check=True,
                           stdout=subprocess.DEVNULL)
        for number, document in enumerate(arguments.documents):
            folder = home / str(number)
            folder.mkdir()
            # What is fetched once is not to be waited for inside of a document.
            needs = [name for script, command, name in BROKERS if script in document.read_text(encoding="utf-8") and
                     subprocess.run([sys.executable, ROOT / script, command]).returncode == NOT_HERE]
            if needs:
                print(f"NOT CHECKED: {document} needs {needs[0]}", flush=True)
                skipped += 1
                continue
            try:
                print(f"{document}: {play(document, folder, package.resolve(), free_port())} snippets hold", flush=True)
            except AssertionError as wrong:
                failed += 1
                print(wrong)
                for log in sorted(folder.glob("*.log")):
                    print(f"--- {log.name}\n{log.read_text()[-3000:]}")
    finally:
        shutil.rmtree(home, ignore_errors=True)
    return 1 if failed else NOT_HERE if skipped else 0


if __name__ == "__main__":
    sys.exit(main())
