"""A project outside the tree, as an adopter makes one: an installed prefix that was moved, and a folder with sources."""
import os
import pathlib
import subprocess


def run(command, cwd=None, environment=None, expect=0):
    """The output of a command that must end with exit code `expect`."""
    done = subprocess.run([str(part) for part in command], cwd=cwd, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, env=environment or clean_environment())
    if done.returncode != expect:
        raise AssertionError(f"{' '.join(map(str, command))}\nended with {done.returncode}, not {expect}:\n{done.stdout}")
    return done.stdout


def clean_environment(**more):
    """An adopter's machine: nothing of ours in the environment."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CMAKE", "PKG_CONFIG", "CXX", "MNEMA"))}
    return {**kept, **more}


class Prefix:
    """The package, installed to one place and moved to another."""

    def __init__(self, build: pathlib.Path, folder: pathlib.Path):
        run(["cmake", "--install", build, "--prefix", folder / "installed"])
        self.root = folder / "elsewhere" / "mnema"
        self.root.parent.mkdir()
        (folder / "installed").rename(self.root)
        found = next(self.root.rglob("mnema-agents.pc"))
        self.pkg_config = found.parent

    def project(self, folder: pathlib.Path, sources: dict, components: str):
        """Builds `sources` ({program: text}) with five lines of CMake, one more for each further program."""
        folder.mkdir(parents=True)
        lines = ["cmake_minimum_required(VERSION 3.25)", "project(outside CXX)",
                 f"find_package(mnema 0.1 REQUIRED COMPONENTS {components})"]
        for program, text in sources.items():
            (folder / f"{program}.cpp").write_text(text)
            lines += [f"add_executable({program} {program}.cpp)",
                      f"target_link_libraries({program} PRIVATE mnema::{components.split()[0]})"]
        (folder / "CMakeLists.txt").write_text("\n".join(lines) + "\n")
        run(["cmake", "-S", folder, "-B", folder / "build", f"-DCMAKE_PREFIX_PATH={self.root}"])
        run(["cmake", "--build", folder / "build"])
        return folder / "build"

    def compile(self, source: pathlib.Path, program: pathlib.Path, package: str):
        """Builds one file by what pkg-config says of `package`."""
        flags = run(["pkg-config", "--cflags", "--libs", package],
                    environment=clean_environment(PKG_CONFIG_PATH=str(self.pkg_config))).split()
        run(["g++", source, "-o", program, *flags])
