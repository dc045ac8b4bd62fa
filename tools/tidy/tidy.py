#!/usr/bin/env python3
"""Checks the rules of STYLE.md that a compiler does not check.

Usage: tools/tidy/tidy.py [ROOT]        (default: this repository)

Each check is a function that yields one message for each place that breaks its rule. Messages say where, what was
expected and what was found. Exit code 0: nothing found. The last line is "N passed, N failed", a check each.
"""

import pathlib
import re
import subprocess
import sys

MAX_LINES = 400
MAX_COLUMNS = 100
PACKAGES = ("base", "deque", "mpmc", "parker", "timer", "reactor", "future", "runtime", "channel", "sync", "nursery",
            "io", "dag", "wasm_host", "tools")
README_HEADINGS = ("When to use / when not", "Contract", "Design", "Costs", "Tests", "Sources")
README_MAX_LINES = 200
FORBIDDEN = re.compile(r"\b(?:TODO|FIXME|XXX|NOLINT\w*)\b|^\s*#\s*if 0\b|flaky\s*=\s*True")
SLEEPS = re.compile(r"\b(?:sleep_for|sleep_until|SleepForSeconds|absl::SleepFor|usleep|nanosleep|system_clock)\b")
ORDERED = re.compile(r"memory_order_(?:acquire|release|acq_rel|seq_cst|consume)")
EDGE = re.compile(r"\(\d+[a-z]?\)|[Ee]dges? \(?\d+")
TYPE = re.compile(r"(?:template <.*> )?(?:struct|class|union|enum(?: class)?)(?: \w+\([^)]*\))* (\w+)(?: final)?"
                  r"(?: : [^;]*)?(?: \{.*)?")
POLLED = re.compile(r"\bpoll(?:_next)?\(Context&")
AWAITED = re.compile(r"\bpoll(?:_next)?\(Context&|^(?:Task|AsyncGenerator)<.*\(", re.MULTILINE)
EDGE_REACH = 6  # lines above an access in which the number of its edge may stand


class Tree:
    """The files that git knows below a root, read once."""

    def __init__(self, root):
        self.root = pathlib.Path(root).resolve()
        listing = subprocess.run(["git", "-C", str(self.root), "ls-files", "-z", "--cached", "--others",
                                  "--exclude-standard"], capture_output=True, check=True).stdout.decode()
        self.paths = sorted(path for path in listing.split("\0") if path and (self.root / path).is_file())
        self.cache = {}

    def lines(self, path):
        if path not in self.cache:
            self.cache[path] = (self.root / path).read_text(errors="replace").splitlines()
        return self.cache[path]

    def cpp(self):
        return [path for path in self.paths if path.endswith((".h", ".cc", ".c"))]

    def sources(self):
        return [path for path in self.paths
                if path.endswith((".h", ".cc", ".c", ".bzl", ".py", ".sh", ".proto", "BUILD.bazel"))]


def is_test(path):
    return re.search(r"_(?:test|benchmark|example)\.cc$|/testing/|_harness\.", path) is not None


def check_file_length(tree):
    """Files stay small: MAX_LINES lines of code, README_MAX_LINES of README."""
    for path in tree.cpp() + [path for path in tree.paths if path.endswith(".py")]:
        if len(tree.lines(path)) > MAX_LINES:
            yield f"{path}: expected at most {MAX_LINES} lines, found {len(tree.lines(path))}; split it"
    for path in tree.paths:
        if path.endswith("README.md") and len(tree.lines(path)) > README_MAX_LINES:
            yield f"{path}: expected at most {README_MAX_LINES} lines, found {len(tree.lines(path))}"


def check_columns(tree):
    """C++ lines fit in MAX_COLUMNS columns."""
    for path in tree.cpp():
        for number, line in enumerate(tree.lines(path), 1):
            if len(line) > MAX_COLUMNS and "http" not in line and 'R"' not in line:
                yield f"{path}:{number}: expected at most {MAX_COLUMNS} columns, found {len(line)}"


def check_forbidden(tree):
    """No notes to self, no dead code, no silenced linter, no flaky test."""
    for path in tree.sources():
        if path.startswith("tools/tidy/"):
            continue
        for number, line in enumerate(tree.lines(path), 1):
            found = FORBIDDEN.search(line)
            if found:
                yield f"{path}:{number}: '{found.group().strip()}' does not belong on the main line"


def check_sleeps(tree):
    """Tests neither sleep nor read the wall clock."""
    for path in tree.paths:
        if not path.endswith("_test.cc"):
            continue
        for number, line in enumerate(tree.lines(path), 1):
            found = SLEEPS.search(line)
            if found:
                yield f"{path}:{number}: '{found.group()}' in a test; use a fake clock or wait for the event"


def check_guards(tree):
    """The include guard of a/b.h is WEFT_A_B_H_."""
    for path in tree.cpp():
        if not path.endswith(".h") or path.endswith("weft_guest.h"):
            continue
        guard = "WEFT_" + re.sub(r"\W", "_", path).upper() + "_"
        text = tree.lines(path)
        if f"#ifndef {guard}" not in text or f"#define {guard}" not in text:
            yield f"{path}: expected the include guard {guard}"


def check_types(tree):
    """A type of a named namespace is defined in one file; linkers mix two silently."""
    first = {}
    for path in tree.cpp():
        if path.startswith("examples/outside/"):
            continue
        scopes = []
        for number, line in enumerate(tree.lines(path), 1):
            opened = re.fullmatch(r"namespace ?([\w:]*) \{", line)
            if opened:
                scopes.append(opened.group(1))
            elif line.startswith("}  // namespace") and scopes:
                scopes.pop()
            found = TYPE.fullmatch(line)
            if found and scopes and all(scopes):
                name = "::".join([*scopes, found.group(1)])
                if first.setdefault(name, path) != path:
                    yield f"{path}:{number}: expected a name of its own, found {name}, which {first[name]} defines too"


def check_orders(tree):
    """Each non-relaxed order outside tests names its happens-before edge, and each edge has two ends."""
    for path in tree.cpp():
        if is_test(path) or path.startswith("examples/"):
            continue
        lines = tree.lines(path)
        numbered = False
        for number, line in enumerate(lines, 1):
            if not ORDERED.search(line.split("//")[0]):
                continue
            numbered = True
            near = lines[max(0, number - 1 - EDGE_REACH):number + 1]
            if not any(EDGE.search(candidate) for candidate in near if "//" in candidate):
                yield f"{path}:{number}: a non-relaxed memory order without the number of its edge, as in '// (1)'"
        if numbered and not any("//" in line for line in lines):
            yield f"{path}: memory orders without a comment"


def check_readmes(tree):
    """Each package has a README with the usual headings in their order."""
    for package in PACKAGES:
        path = f"{package}/README.md"
        if path not in tree.paths:
            yield f"{path}: expected a README, found none"
            continue
        headings = [re.sub(r"^#+\s*(?:\d+\s+)?", "", line) for line in tree.lines(path) if line.startswith("## ")]
        wanted = [heading for heading in headings if heading in README_HEADINGS]
        if wanted != list(README_HEADINGS):
            yield f"{path}: expected the headings {', '.join(README_HEADINGS)} in this order, found {', '.join(headings)}"


def normalized(line):
    return re.sub(r"\s+", " ", re.sub(r"\s*//.*$", "", line)).strip()


def check_snippets(tree):
    """The lines of each C++ block of a README stand, in order, in a compiled file of its package."""
    for path in tree.paths:
        if not path.endswith(".md") or path.startswith("docs/"):
            continue
        folder = str(pathlib.PurePosixPath(path).parent)
        compiled = [candidate for candidate in tree.cpp() if folder == "." or candidate.startswith(folder + "/")]
        for number, block in code_blocks(tree.lines(path), "cpp"):
            wanted = [line for line in map(normalized, block) if line and line != "..."]
            if not any(is_subsequence(wanted, map(normalized, tree.lines(candidate))) for candidate in compiled):
                yield f"{path}:{number}: expected these lines in a compiled file of {folder}/ (an example), found none"


def code_blocks(lines, language):
    block, start = None, 0
    for number, line in enumerate(lines, 1):
        if block is None and line.strip() == "```" + language:
            block, start = [], number
        elif block is not None and line.strip() == "```":
            yield start, block
            block = None
        elif block is not None:
            block.append(line)


def is_subsequence(wanted, lines):
    lines = iter(lines)
    return all(any(line == candidate for candidate in lines) for line in wanted)


def check_links(tree):
    """Relative links in documents lead somewhere."""
    for path in tree.paths:
        if not path.endswith(".md"):
            continue
        folder = (tree.root / path).parent
        for number, line in enumerate(tree.lines(path), 1):
            for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", re.sub(r"`[^`]*`", "", line)):
                if "://" not in target and not (folder / target).exists():
                    yield f"{path}:{number}: the link to '{target}' leads nowhere"


def check_families(tree):
    """Each package has tests, a benchmark and an example."""
    for package in PACKAGES:
        if package in ("base", "tools"):
            continue
        for part in ("test", "benchmark", "example"):
            if not any(re.fullmatch(rf"{package}/\w+_{part}\.cc", path) for path in tree.paths):
                yield f"{package}: expected a file *_{part}.cc, found none"


def check_places(tree):
    """Nothing names a path of somebody's machine."""
    pattern = re.compile(r"(?<![\w.$~-])/(?:work|farm|root|home)/\w")
    for path in tree.paths:
        if path.startswith(("tools/tidy/", "third_party/wasmtime/Cargo.lock")):
            continue
        for number, line in enumerate(tree.lines(path), 1):
            found = pattern.search(line)
            if found:
                yield f"{path}:{number}: '{found.group()}...' is a path of one machine"


def check_cancel_safety(tree):
    """A public header of futures or streams says what their cancellation loses, and what it does not."""
    for path in tree.cpp():
        if not path.endswith(".h") or is_test(path) or re.search(r"/internal/|^examples/|scripted\.h$", path):
            continue
        text = "\n".join(tree.lines(path))
        if AWAITED.search(text) and not re.search(r"//.*\bCancellation\b", text):
            yield f"{path}: expected a comment 'Cancellation ...': what is lost when the future is stopped; found none"


def check_everywhere(tree):
    """Each future and stream of future/ stands in a test that stops, throws and runs out of memory everywhere."""
    tests = [path for path in tree.cpp() if re.fullmatch(r"future/everywhere\w*_test\.cc", path)]
    included = "\n".join(line for test in tests for line in tree.lines(test))
    for path in tree.cpp():
        if not re.fullmatch(r"future/(?!scripted|contract)\w+(?<!_harness)\.h", path):
            continue
        if POLLED.search("\n".join(tree.lines(path))) and f'#include "{path}"' not in included:
            yield f"{path}: expected a row in future/everywhere*_test.cc, and its include, found none"


CHECKS = (check_file_length, check_columns, check_forbidden, check_sleeps, check_guards, check_types, check_orders,
          check_readmes, check_snippets, check_links, check_families, check_places, check_cancel_safety,
          check_everywhere)


def main(arguments):
    root = arguments[0] if arguments else pathlib.Path(__file__).resolve().parents[2]
    tree = Tree(root)
    failed = 0
    for check in CHECKS:
        messages = list(check(tree))
        failed += bool(messages)
        print(f"{'FAILED' if messages else 'passed'}  {check.__name__[len('check_'):]}: {check.__doc__}")
        for message in messages:
            print(f"        {message}")
    print(f"{len(CHECKS) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
