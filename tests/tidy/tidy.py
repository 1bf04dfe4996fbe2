#!/usr/bin/env python3
"""The rules of the code base, executed. Prints each breach as file:line: what, and exits 1 if there is one.

    tests/tidy/tidy.py              rules over the sources
    tests/tidy/tidy.py --objects B  also: no AVX-512/AVX2 code outside the kernels that are named for it, in build folder B
"""
import argparse
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Who may include whom: the one way through the code base.
MAY_INCLUDE = {
    "runtime": {"runtime"},
    "memory": {"memory", "runtime"},
    "inference": {"inference", "runtime"},
    "connectors": {"connectors", "runtime"},
    "agents": {"agents", "memory", "inference", "connectors", "runtime"},
    "examples": {"examples", "agents", "memory", "inference", "connectors", "runtime"},
    "cli": {"cli", "examples", "agents", "memory", "inference", "connectors", "runtime"},
}
# Inside a folder its modules also point one way. Files directly in the folder are its contracts and what joins the modules.
MODULES = {
    "runtime": {
        "base": {"base"},
        "exec": {"exec", "base"},
        "store": {"store", "exec", "base"},
        "events": {"events", "store", "exec", "base"},
        "config": {"config", "events", "base"},
        "sim": {"sim", "store", "exec", "base"},
    },
    "memory": {
        "documents": {"documents"},
        "vector": {"vector"},
        "semantic": {"semantic"},
        "erase": {"erase", "semantic", "vector", "procedural", "blocks"},
        "verify": {"verify"},
        "export": {"export", "erase", "consolidation"},
        "import": {"import", "export", "erase", "semantic"},
        "procedural": {"procedural", "documents"},
        "blocks": {"blocks"},
        "consolidation": {"consolidation", "semantic", "procedural"},
    },
    "inference": {
        "kernels": {"kernels"},
        "formats": {"formats", "kernels"},
        "tokenizer": {"tokenizer", "formats", "kernels"},
        "chat": {"chat", "tokenizer"},
        "grammar": {"grammar", "tokenizer"},
        "kv": {"kv"},
        "model": {"model", "kv", "tokenizer", "formats", "kernels"},
        "sampling": {"sampling"},
        "scheduler": {"scheduler", "sampling", "kv"},
        "loading": {"loading", "scheduler", "sampling", "model", "grammar", "chat", "tokenizer", "formats", "kernels"},
        "text": {"text", "loading", "sampling", "chat", "tokenizer"},
    },
    "agents": {
        "turn": {"turn"},
        "erase": {"erase"},
        "rest": {"rest", "turn"},
        "host": {"host", "rest", "turn"},
    },
}
LINES_LONG = 800
LINE_WIDTH = 120
BANNED = [
    (r"\bTODO\b|\bFIXME\b|\bXXX\b", "unfinished business belongs in an issue, not in the source", None),
    (r"using namespace std", "name what you use", None),
    (r"\bsleep_for\b|\bsleep_until\(std", "time enters by Clock and Executor", r"^(cli|bench|tests)/"),
    (r"system_clock::now|steady_clock::now", "time enters by Clock (runtime/base/clock.hpp)", r"^(runtime/base/clock\.cpp|inference/kernels/thread_pool\.cpp|bench/|tests/)"),
    (r"std::random_device|\brand\(\)", "randomness enters by Random (runtime/base/random.hpp)", r"^runtime/base/random\.cpp"),
    (r"\bassert\(", "use CHECK or DCHECK (runtime/base/check.hpp)", None),
    (r"std::cout\b", "libraries do not print", r"^(cli|examples|bench|tests)/"),
    (r"co_await[^;]*[\w>]\{", "GCC 12 double-frees braced temporaries inside co_await: name a local first", None),
]
# One word for one thing, and the field's own: what stands on the left is said by what stands on the right.
WORDS = [
    (r"\b[Rr]ooms?\b|_room\b|\broom_|Room\b", "module, capacity, reserved tokens"),
    (r"\b[Dd]oors?\b|\w+Door\b|\bDoor[A-Z]|\bdoor_|_door\b", "API"),
    (r"\bhouse\b", "code base"),
    (r"\bLaws?\b", "Invariant"),
    (r"\b(bury|buries|buried)\b", "dead-letter"),
    (r"\b(give|gives|gave|given|giving)_?( )?(out|back)\b", "dispatch, release, return"),
    (r"\bhand(s|ed|ing)?_?( )?(over|out|in)\b", "deliver, pass"),
    (r"\b(dissolve|dissolves|dissolved)\b", "compact"),
    (r"\b[Dd]efuse[sd]?\b", "escape"),
    (r"\bway-?marks?\b", "tombstone"),
    (r"\b[Gg]uess(es|ed|ing)?\b|Guess[A-Z]|_guess", "draft token, speculation"),
    (r"\b[Cc]hronicle\b", "trace"),
    (r"\bon loan\b", "leased"),
]
WORDS_ALLOWED_IN = re.compile(r"^tests/(tidy/|data/|clients/|memory/|inference/(chat|tokenizer|grammar)/)")
BAD_NAMES = re.compile(r"(^|[/_])(utils?|common|misc|helpers?)([_./]|$)")


def sources():
    out = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.cpp", "*.hpp"], cwd=ROOT, text=True,
                         capture_output=True, check=True).stdout
    return [pathlib.Path(line) for line in sorted(out.split()) if (ROOT / line).exists()]


def strip_strings(line):
    return re.sub(r'"(\\.|[^"\\])*"', '""', line)


def check_file(path, report):
    text = (ROOT / path).read_text(encoding="utf-8")
    lines = text.split("\n")
    top = path.parts[0]
    if BAD_NAMES.search(str(path)):
        report(path, 1, "a file is named for its one concept (no utils, common, misc, helpers)")
    if not text.endswith("\n") or text.endswith("\n\n"):
        report(path, len(lines), "ends with exactly one newline")
    if len(lines) > LINES_LONG and "Why this file is long:" not in "\n".join(lines[:40]):
        report(path, 1, f"{len(lines)} lines; over {LINES_LONG} says 'Why this file is long:' at the top, or is split")
    if path.suffix == ".hpp":
        if "#pragma once" not in text:
            report(path, 1, "a header has #pragma once")
        if top in MAY_INCLUDE and not text.startswith(f"// {path}"):
            report(path, 1, f"a header opens with '// {path}' and what it is (the header is the manual)")
    for number, line in enumerate(lines, 1):
        if len(line) > LINE_WIDTH and "http" not in line and "R\"" not in line and top != "tests":
            report(path, number, f"{len(line)} columns; {LINE_WIDTH} are enough")
        if line.rstrip() != line:
            report(path, number, "trailing blanks")
        code = strip_strings(line.split("//")[0])
        for pattern, why, allowed in BANNED:
            where = line if "TODO" in pattern else code
            if re.search(pattern, where) and not (allowed and re.search(allowed, str(path))):
                report(path, number, why)
        if not WORDS_ALLOWED_IN.match(str(path)):
            for pattern, instead in WORDS:
                if re.search(pattern, strip_strings(line)):
                    report(path, number, f"'{re.search(pattern, strip_strings(line)).group(0)}' is not a word of the code: say {instead}")
        include = re.match(r'#include "([^"]+)"', line)
        if include:
            check_include(path, number, include.group(1), report)


def check_include(path, number, target, report):
    top, parts = path.parts[0], target.split("/")
    if not (ROOT / target).exists() and not target.startswith("generated/"):
        report(path, number, f'"{target}" is not a path from the root of the code base')
        return
    if top in MAY_INCLUDE and parts[0] not in MAY_INCLUDE[top]:
        report(path, number, f"{top} may not include {parts[0]} (runtime <- memory, inference, connectors <- agents <- cli)")
    if top in MODULES and parts[0] == top and len(path.parts) > 2 and len(parts) > 2:
        module, other = path.parts[1], parts[1]
        if other not in MODULES[top].get(module, set()):
            report(path, number, f"the module {top}/{module} may not include {top}/{other}")


def check_mirror(paths, report):
    """tests/MODULE/x_test.cpp stands for MODULE/x.*; a test whose source is gone is dead."""
    stems = {}
    for path in paths:
        if path.parts[0] in MAY_INCLUDE:
            stems.setdefault(path.parts[0], set()).add(path.stem)
    for path in paths:
        if path.parts[0] == "tests" and path.name.endswith("_test.cpp") and path.parts[1] in MAY_INCLUDE:
            text = (ROOT / path).read_text(encoding="utf-8")
            if not re.search(r'#include "' + path.parts[1] + "/", text):
                report(path, 1, "a test includes the header it is about")
            for match in re.finditer(r"^TEST(?:_F|_P)?\((\w+),\s*(\w+)\)", text, re.M):
                if len(re.findall(r"[A-Z][a-z0-9]*", match.group(2))) < 2:
                    line = text[: match.start()].count("\n") + 1
                    report(path, line, f"'{match.group(2)}' is no sentence")


def check_types(paths, report):
    """Two types of one name in one namespace are one type to the linker, whichever of them that is."""
    places = {}
    for path in paths:
        if path.parts[0] not in MAY_INCLUDE:
            continue
        namespaces = []
        for number, line in enumerate((ROOT / path).read_text(encoding="utf-8").split("\n"), 1):
            begins = re.match(r"namespace\s*([\w:]*)\s*\{$", line)
            if begins:
                namespaces.append(begins.group(1))
            elif line.startswith("}  // namespace") and namespaces:
                namespaces.pop()
            defines = re.match(r"(?:struct|class|enum(?: class)?) (\w+)(?: final)?(?: : .*)? \{", line)
            if defines and "" not in namespaces:
                places.setdefault("::".join([*namespaces, defines.group(1)]), []).append((path, number))
    for name, found in places.items():
        for path, number in found[1:]:
            report(path, number, f"{name} is also the name of a type in {found[0][0]}")


def check_sizes(paths, report):
    sizes = sorted(len((ROOT / p).read_text().split("\n")) for p in paths if p.parts[0] in MAY_INCLUDE)
    if sizes and sizes[len(sizes) // 2] > 150:
        report(pathlib.Path("."), 0, f"the median file has {sizes[len(sizes) // 2]} lines; 150 is the measure")


def check_objects(build, report):
    """An AVX-512 instruction in a shared inline function would kill the program on a plain machine."""
    for archive in sorted(pathlib.Path(build).rglob("*.a")):
        listing = subprocess.run(["objdump", "-d", "--no-show-raw-insn", str(archive)], text=True, capture_output=True).stdout
        member, symbol = "", ""
        for line in listing.splitlines():
            if line.endswith("file format elf64-x86-64"):
                member = line.split(":")[0]
            elif line.endswith(">:"):
                symbol = line
            elif re.search(r"%zmm|%k[1-7]\b", line) and not member.endswith("_avx512.cpp.o"):
                report(pathlib.Path(archive.name), 0, f"AVX-512 in {member} {symbol}")
                break
            elif "%ymm" in line and not re.search(r"_avx(2|512)\.cpp\.o$", member):
                report(pathlib.Path(archive.name), 0, f"AVX2 in {member} {symbol}")
                break
        # A weak (inline) symbol in a kernel object may be the copy the linker keeps for everybody.
        for entry in subprocess.run(["nm", "-A", "-C", str(archive)], text=True, capture_output=True).stdout.splitlines():
            if re.search(r"_avx(2|512)\.cpp\.o:\S* W ", entry):
                report(pathlib.Path(archive.name), 0, f"weak symbol in a kernel object: {entry.split(':', 1)[1]}")


def check_quotes(report):
    """A document that names a file above a block of code quotes it whole."""
    for path in [pathlib.Path("README.md"), *(p.relative_to(ROOT) for p in sorted((ROOT / "docs").glob("*.md")))]:
        text = (ROOT / path).read_text(encoding="utf-8")
        for quote in re.finditer(r"<!-- (\S+) -->\n```\w*\n(.*?)```", text, re.S):
            source = ROOT / quote.group(1)
            if not source.exists() or source.read_text(encoding="utf-8") != quote.group(2):
                line = text.count("\n", 0, quote.start()) + 1
                report(path, line, f"the block differs from {quote.group(1)}; quote it as it is")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objects", metavar="BUILD")
    arguments = parser.parse_args()
    breaches = []

    def report(path, line, what):
        breaches.append(f"{path}:{line}: {what}")

    paths = sources()
    for path in paths:
        check_file(path, report)
    check_mirror(paths, report)
    check_types(paths, report)
    check_sizes(paths, report)
    check_quotes(report)
    if arguments.objects:
        check_objects(arguments.objects, report)
    print("\n".join(breaches) if breaches else f"tidy: {len(paths)} files, no breach")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
