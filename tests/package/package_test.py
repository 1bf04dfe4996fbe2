#!/usr/bin/env python3
"""The package as an adopter meets it: installed, moved, found by CMake and by pkg-config, and nothing else of ours.

    tests/package/package_test.py BUILD
"""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from outside import Prefix, run  # noqa: E402

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BUILD = None
MODELS = pathlib.Path(os.environ.get("MNEMA_MODELS") or pathlib.Path.home() / ".cache/mnema/models")

INFERENCE = """
#include <mnema/inference.hpp>
#include <cstdio>
int main() {
  mnema::SystemClock clock;
  mnema::SystemRandom random;
  mnema::EngineOptions options;
  mnema::Limits limits;
  mnema::ThreadPoolExecutor compute("compute", 1), background("background", 1);
  mnema::LocalEngine engine(options, {compute, background}, mnema::cpu_model_loader(options, limits), clock, random, limits);
  const auto ids = engine.tokenize("no-such-model", "text", false, false);
  std::puts(ids.ok() ? "a model that is not there" : ids.error().text().c_str());
  return ids.ok() ? 1 : 0;
}
"""

MEMORY = """
#include <mnema/memory.hpp>
#include <cstdio>
int main(int, char** argv) {
  mnema::SystemClock clock;
  mnema::SystemRandom random;
  mnema::ThreadPoolExecutor store("store", 1), query("query", 1), background("background", 1);
  mnema::Database::Options options;
  options.path = argv[1];
  auto database = mnema::Database::open(options, mnema::memory_migrations(), store, clock);
  if (!database.ok()) return std::puts(database.error().text().c_str()), 1;
  mnema::NoEmbedder embedder;
  auto memory = mnema::MemoryStore::open(**database, embedder, {query, background}, clock, random, {});
  if (!memory.ok()) return std::puts(memory.error().text().c_str()), 1;
  std::printf("%lld episodes\\n", static_cast<long long>((*memory)->statistics()->episodes));
  (*memory)->close();
}
"""


class Running:
    """An agent program that serves on a port of the system's choosing."""

    def __init__(self, program, folder, config):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "mnema.toml").write_text(config.replace("127.0.0.1:7070", "127.0.0.1:0"))
        self.log = folder / "log.txt"
        with self.log.open("w") as log:
            self.process = subprocess.Popen([str(program), "mnema.toml"], cwd=folder, stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while not (found := re.search(r"address=(http://127\.0\.0\.1:\d+)", self.text())):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.process.kill()
                raise AssertionError("does not serve:\n" + self.text())
            time.sleep(0.05)
        self.url = found.group(1)

    def text(self):
        return self.log.read_text()

    def post(self, path, body, headers=None):
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(),
                                         {"Content-Type": "application/json", **(headers or {})})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)

    def end(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)


class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="mnema-package-"))
        cls.prefix = Prefix(BUILD, cls.folder)
        cls.hello = (SOURCE / "examples/hello.cpp").read_text()

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder, ignore_errors=True)

    def test_five_lines_of_cmake_build_hello_and_a_webhook_wakes_it(self):
        build = self.prefix.project(self.folder / "hello", {"hello": self.hello}, "agents")
        self.assertEqual((self.folder / "hello/CMakeLists.txt").read_text().count("\n"), 5)
        self.assertIn("there is no configuration", run([build / "hello", "absent.toml"], expect=2))
        if not (MODELS / "smollm2-135m").exists():
            self.skipTest("hello thinks, and there is no model in " + str(MODELS))
        program = Running(build / "hello", self.folder / "run", (SOURCE / "examples/hello.toml").read_text())
        self.addCleanup(program.end)
        order = {"type": "failed", "customer": "anna", "order": "A-17"}
        status, answer = program.post("/hooks/shop", order, {"webhook-id": "1"})
        self.assertEqual((status, answer.get("duplicate", False)), (202, False))
        self.assertEqual(program.stop(), 0, program.text())

    def test_pkg_config_builds_hello(self):
        self.prefix.compile(SOURCE / "examples/hello.cpp", self.folder / "by_pkg_config", "mnema-agents")
        self.assertIn("there is no configuration", run([self.folder / "by_pkg_config", "absent.toml"], expect=2))

    def test_inference_and_memory_link_alone(self):
        build = self.prefix.project(self.folder / "inference", {"alone": INFERENCE}, "inference")
        self.assertIn("no-such-model", run([build / "alone"]))
        linked = run(["ldd", build / "alone"])
        self.assertNotIn("libcurl", linked)
        build = self.prefix.project(self.folder / "memory", {"alone": MEMORY}, "memory")
        self.assertIn("0 episodes", run([build / "alone", self.folder / "memory.db"]))
        for package, text in (("mnema-inference", INFERENCE), ("mnema-memory", MEMORY)):
            source = self.folder / f"{package}.cpp"
            source.write_text(text)
            self.prefix.compile(source, self.folder / package, package)

    def test_the_prefix_names_no_folder_of_its_making(self):
        makers = (str(SOURCE).encode(), str(BUILD).encode(), str(self.folder).encode())
        for file in self.prefix.root.rglob("*"):
            if file.suffix in (".cmake", ".pc", ".hpp"):
                text = file.read_bytes()
                self.assertFalse([maker for maker in makers if maker in text], file)

    def test_each_public_header_compiles_alone_under_one_include_root(self):
        include = self.prefix.root / "include"
        self.assertEqual([entry.name for entry in include.iterdir()], ["mnema"])
        for header in sorted((include / "mnema").glob("*.hpp")):
            source = self.folder / "alone.cpp"
            source.write_text(f"#include <mnema/{header.name}>\n")
            run(["g++", "-std=c++20", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-isystem", include, source])

    def test_agent_programs_see_no_header_of_the_store(self):
        source = self.folder / "seen.cpp"
        source.write_text("#include <mnema/mnema.hpp>\n")
        seen = run(["g++", "-std=c++20", "-M", "-I", self.prefix.root / "include", source])
        for private in ("sqlite3.h", "asio", "fmt/", "spdlog", "toml", "openssl", "curl"):
            self.assertNotIn(private, seen)

    def test_a_wrong_component_and_another_minor_version_are_refused(self):
        folder = self.folder / "wrong"
        folder.mkdir()
        for wanted, said in (("mnema 0.1 REQUIRED COMPONENTS agent", "no component 'agent'"),
                             ("mnema 0.2 REQUIRED", "requested version")):
            (folder / "CMakeLists.txt").write_text(
                f"cmake_minimum_required(VERSION 3.25)\nproject(wrong CXX)\nfind_package({wanted})\n")
            shutil.rmtree(folder / "build", ignore_errors=True)
            told = run(["cmake", "-S", folder, "-B", folder / "build", f"-DCMAKE_PREFIX_PATH={self.prefix.root}"], expect=1)
            self.assertIn(said, " ".join(told.split()))

    def test_add_subdirectory_brings_libraries_only_and_no_flags(self):
        folder = self.folder / "sub"
        folder.mkdir()
        (folder / "hello.cpp").write_text(self.hello)
        (folder / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.25)\nproject(sub CXX)\nset(CMAKE_EXPORT_COMPILE_COMMANDS ON)\n"
            f"add_subdirectory({SOURCE} mnema EXCLUDE_FROM_ALL)\nadd_executable(hello hello.cpp)\n"
            "target_link_libraries(hello PRIVATE mnema::agents)\n")
        run(["cmake", "-S", folder, "-B", folder / "build", "-DCMAKE_DISABLE_FIND_PACKAGE_GTest=ON",
             "-DCMAKE_DISABLE_FIND_PACKAGE_CLI11=ON"])
        commands = json.loads((folder / "build/compile_commands.json").read_text())
        ours = next(entry["command"] for entry in commands if entry["file"].endswith("sub/hello.cpp"))
        self.assertNotRegex(ours, r"-W|-ffp-contract")
        self.assertFalse([entry["file"] for entry in commands if "/tests/" in entry["file"] or "/cli/" in entry["file"]])

    def test_the_debian_packages_say_what_they_need(self):
        folder = self.folder / "debian"
        run(["cpack", "-G", "DEB", "-B", folder], cwd=BUILD)
        says = {field: run(["dpkg-deb", "-f", next(folder.glob(f"{field}_*.deb")), "Depends"])
                for field in ("mnema", "libmnema-dev")}
        for library in ("libc6", "libssl3", "libcurl4", "libsqlite3-0"):
            self.assertIn(library, says["mnema"])
        needed = [part.split()[0] for part in says["libmnema-dev"].split(",")]
        run(["dpkg-query", "-W", *needed])  # what our own build needed, it names
        run(["dpkg-deb", "-x", next(folder.glob("mnema_*.deb")), folder / "root"])
        self.assertIn("mnema 0.1", run([folder / "root/usr/bin/mnema", "--version"]))

    def test_the_program_runs_from_the_moved_prefix(self):
        self.assertIn("mnema 0.1", run([self.prefix.root / "bin/mnema", "--version"]))


if __name__ == "__main__":
    BUILD = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main(verbosity=2)
