#!/usr/bin/env python3
"""Checks what the layer diagram promises and Bazel alone does not enforce.

Four checks over the build graph of this repository, each printed with its name:

  edges       Direct edges from package to package and from package to third-party repository equal the golden
              file tools/layers/edges.txt, where each has a reason. Tests, benchmarks, examples are not counted.
  floors      Every edge of that file goes down in the diagram of the root BUILD.bazel.
  includes    A file that includes a header of a system library belongs to targets that depend on the library;
              layering_check does not see /usr/include.
  targets     Every C++ file belongs to a target; only testonly targets are visible to everybody; every public
              target says in tools/layers/closures.bzl what its closure holds.

Run from anywhere inside the repository: tools/layers/check.py. Options for `bazel` itself (--output_base=...)
are taken from $BAZEL_STARTUP. Exit code 0: all hold. Exit code 1: some do not. The last line counts them.
"""

import ast
import os
import pathlib
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[2]
EDGES = "tools/layers/edges.txt"
CLOSURES = "tools/layers/closures.bzl"

FLOORS = {
    "base": 0,
    "deque": 1,
    "mpmc": 1,
    "parker": 1,
    "timer": 1,
    "future": 2,
    "reactor": 2,
    "channel": 3,
    "io": 3,
    "nursery": 3,
    "runtime": 3,
    "sync": 3,
    "dag": 4,
    "wasm_host": 4,
    "tools": 5,
    "examples": 5,
}

# (target, target): edges between packages of one floor that the design names.
NAMED_EXCEPTIONS = {
    ("//mpmc:blocking_queue", "//parker:event_count"),
    ("//wasm_host:step", "//dag:function"),
}

# Include prefix -> targets one of which must be a direct dependency. First match wins.
SYSTEM_HEADERS = [
    (r"CLI/", ["@cli11//:cli11"]),
    (r"atomic_queue/", ["@atomic_queue//:atomic_queue"]),
    (r"benchmark/", ["@com_github_google_benchmark//:benchmark", "@com_github_google_benchmark//:benchmark_main"]),
    (r"boost/asio", ["@boost//:asio"]),
    (r"boost/lockfree/", ["@boost//:lockfree"]),
    (r"concurrentqueue/", ["@concurrentqueue//:concurrentqueue"]),
    (r"curl/", ["@curl//:curl"]),
    (r"gmock/|gtest/", ["@com_google_googletest//:gtest", "@com_google_googletest//:gtest_main"]),
    (r"google/protobuf/", ["@com_google_protobuf//:protobuf"]),
    (r"lmdb\.h$", ["@lmdb//:lmdb"]),
    (r"nlohmann/", ["@nlohmann_json//:json"]),
    (r"openssl/(ssl|tls1)\.h$", ["@openssl//:ssl"]),
    (r"openssl/", ["@openssl//:crypto", "@openssl//:ssl"]),
    (r"readerwriterqueue/", ["@readerwriterqueue//:readerwriterqueue"]),
    (r"tbb/", ["@onetbb//:tbb"]),
    (r"wasm\.h|wasmtime", ["@wasmtime//:wasmtime"]),
    (r"xenium/", ["@xenium//:xenium"]),
    (r"zstd\.h|zdict\.h", ["@zstd//:zstd"]),
]

# Headers of the system that no target stands for: C, C++ and Linux. Everything else in <...> needs a dependency.
LIBC_HEADER = re.compile(r"(arpa|asm|bits|linux|net|netinet|sanitizer|sys)/[\w/.]+$|[a-z_0-9]+$|"
                         r"(assert|cpuid|cxxabi|dirent|dlfcn|endian|errno|execinfo|fcntl|fenv|float|fnmatch|ftw|glob|"
                         r"immintrin|inttypes|"
                         r"limits|link|locale|malloc|math|netdb|poll|pthread|pwd|sched|semaphore|setjmp|signal|spawn|"
                         r"stdarg|stdbool|stddef|stdint|stdio|stdlib|string|strings|syscall|termios|time|"
                         r"ucontext|unistd|utime|wait|wchar|x86intrin)\.h$")

# Abseil: the target that provides absl/PACKAGE/STEM.h, where it is not absl/PACKAGE:STEM.
ABSL_TARGETS = {
    "base/call_once": "base/base",
    "base/internal": "",
    "container": "",
    "flags/declare": "flags/flag",
    "status/statusor": "status/statusor",
    "strings/cord": "strings/cord",
    "strings/str_format": "strings/str_format",
}
ABSL_DEFAULTS = {
    "base": "core_headers",
    "numeric": "bits",
    "random": "distributions",
    "strings": "strings",
    "synchronization": "synchronization",
    "time": "time",
}
ABSL_OWN_STEM = {
    "algorithm", "cleanup", "container", "debugging", "flags", "functional", "hash", "memory", "meta", "numeric",
    "status", "types", "utility"
}


class Rule:
    """One rule of the build graph, as `bazel query --output=xml` gives it."""

    def __init__(self, element):
        self.label = element.get("name")
        self.kind = element.get("class")
        self.values = {}
        for child in element:
            name = child.get("name")
            if child.tag in ("label", "string", "boolean"):
                self.values[name] = child.get("value")
            elif child.tag == "list":
                self.values[name] = [item.get("value") for item in child]

    @property
    def package(self):
        return self.label[2:].split(":")[0].split("/")[0]

    @property
    def testonly(self):
        return self.values.get("testonly") == "true" or self.kind.endswith("_test")

    def labels(self, *attributes):
        found = []
        for attribute in attributes:
            value = self.values.get(attribute, [])
            found += value if isinstance(value, list) else [value]
        return found

    @property
    def visible(self):
        return [v for v in self.labels("visibility") if v != "//visibility:private"]


def bazel_rules():
    command = ["bazel"] + os.environ.get("BAZEL_STARTUP", "").split() + [
        "query", "--noimplicit_deps", "--output=xml", "--xml:default_values", "kind(rule, //...)"
    ]
    # Abseil, Wasmtime and so on are not loaded: the edges alone are asked for.
    result = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    if result.returncode != 0:
        sys.exit("layers: expected `bazel query` to succeed, found:\n" + result.stderr)
    # Characters such as U+0001 in attribute values would need XML 1.1.
    return [Rule(e) for e in ElementTree.fromstring(result.stdout.split("?>", 1)[1]) if e.tag == "rule"]


def is_counted(rule):
    return not rule.testonly and rule.package in FLOORS and rule.package != "examples"


def edges_of(rules):
    """(from, to) -> the pairs of targets behind it. A package is "deque"; a repository is "@curl"."""
    found = {}
    for rule in rules:
        if not is_counted(rule):
            continue
        for label in rule.labels("deps", "data", "tools", "actual", "srcs", "hdrs", "textual_hdrs"):
            target = label.split("//")[0] or label[2:].split(":")[0].split("/")[0]
            if target not in (rule.package, "bazel", "@rules_cc"):
                found.setdefault((rule.package, target), []).append((rule.label, label))
    return found


def read_edges():
    golden = {}
    for number, line in enumerate((ROOT / EDGES).read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        match = re.fullmatch(r"(\w+) -> (@?\w+): (\S.*)", line)
        if not match:
            sys.exit(f"{EDGES}:{number}: expected 'from -> to: reason', found '{line}'")
        golden[(match[1], match[2])] = number
    return golden


def check_edges(rules):
    found, golden, problems = edges_of(rules), read_edges(), []
    for edge in sorted(found.keys() - golden.keys()):
        pair = " -> ".join(found[edge][0])
        problems.append(f"{pair}: a new edge {edge[0]} -> {edge[1]}; drop the dependency, "
                        f"or add '{edge[0]} -> {edge[1]}: REASON' to {EDGES}")
    for edge in sorted(golden.keys() - found.keys() - edges_of_absent_wasmtime()):
        problems.append(f"{EDGES}:{golden[edge]}: no target has the edge {edge[0]} -> {edge[1]} any more; remove the line")
    return problems


def edges_of_absent_wasmtime():
    """The weft command has them only where Wasmtime was built."""
    folder = subprocess.run([ROOT / "third_party/wasmtime/locate"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return set() if (pathlib.Path(folder.strip()) / "lib/libwasmtime.a").exists() else {("tools", "wasm_host")}


def check_floors(rules):
    problems = []
    for (source, target), pairs in sorted(edges_of(rules).items()):
        if target.startswith("@") or FLOORS.get(target, 99) < FLOORS[source]:
            continue
        for pair in pairs:
            if pair not in NAMED_EXCEPTIONS:
                problems.append(f"{pair[0]} -> {pair[1]}: expected an edge to a lower floor, found floor "
                                f"{FLOORS[source]} -> floor {FLOORS.get(target, '?')}; turn the dependency round")
    return problems


def absl_labels(header):
    """Targets of Abseil that provide absl/PACKAGE/REST.h; empty when none of ours does."""
    package, _, rest = header[len("absl/"):].partition("/")
    stem = rest[:-len(".h")]
    if f"{package}/{stem}" in ABSL_TARGETS:
        name = ABSL_TARGETS[f"{package}/{stem}"]
    elif package in ABSL_OWN_STEM or (package == "random" and stem in ("random", "bit_gen_ref", "seed_sequences")):
        name = f"{package}/{stem}"
    elif package in ABSL_DEFAULTS:
        name = f"{package}/{ABSL_DEFAULTS[package]}"
    else:
        name = ""
    return ["@com_google_absl//absl/" + name.replace("/", ":", 1)] if name else []


def wanted_by(header):
    """The targets one of which a file that includes this header must depend on; None: it needs none."""
    if header.startswith("absl/"):
        return absl_labels(header)
    for pattern, labels in SYSTEM_HEADERS:
        if re.match(pattern, header):
            return labels
    return None


def included_headers(path):
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
        match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if match:
            yield number, match[1] == "<", match[2]


def file_of(label):
    package, _, name = label[2:].partition(":")
    return pathlib.PurePosixPath(package) / name


def check_includes(rules):
    problems = []
    for rule in rules:
        if not rule.kind.startswith("cc_") or rule.package not in FLOORS:
            continue
        deps = {label if ":" in label else label + ":" + label.split("/")[-1] for label in rule.labels("deps")}
        for label in rule.labels("srcs", "hdrs", "textual_hdrs"):
            path = ROOT / file_of(label) if label.startswith("//") else None
            if path and path.is_file() and path.suffix in (".h", ".cc"):
                problems += include_problems(rule, deps, file_of(label), path)
    return sorted(set(problems))


def include_problems(rule, deps, name, path):
    problems = []
    for number, angled, header in included_headers(path):
        wanted = wanted_by(header)
        if wanted is None:
            if angled and not LIBC_HEADER.match(header):
                problems.append(f"{name}:{number}: <{header}> belongs to no library that tools/layers/check.py knows; "
                                "add the library to third_party/deps.bzl and to SYSTEM_HEADERS")
        elif not deps.intersection(wanted):
            what = " or ".join(wanted) if wanted else "a public target of Abseil that provides it"
            problems.append(f"{name}:{number}: {rule.label} includes {header}, expected {what} in its deps, found none")
    return problems


def public_targets(rules):
    return sorted(r.label for r in rules
                  if r.kind in ("cc_library", "cc_proto_library", "alias") and r.package in FLOORS and not r.testonly
                  and any(v.startswith("//:above_") for v in r.visible))


def read_closures():
    match = re.search(r"^CLOSURES = (\{.*?^\})", (ROOT / CLOSURES).read_text(), re.DOTALL | re.MULTILINE)
    return ast.literal_eval(match[1])


def check_targets(rules):
    problems, owned = [], set()
    for rule in rules:
        owned.update(str(file_of(l)) for l in rule.labels("srcs", "hdrs", "textual_hdrs", "data") if l.startswith("//"))
        if rule.package in FLOORS and "//visibility:public" in rule.visible and not rule.testonly:
            problems.append(f"{rule.label}: visible to everybody, which only testonly targets may be; say above(\"{rule.package}\")")
    for name in cpp_files():
        if name not in owned and name.split("/")[0] in FLOORS and not is_named_by_build_file(name):
            problems.append(f"{name}: belongs to no target; add it to a BUILD file or delete it")
    public, listed = set(public_targets(rules)), set(read_closures())
    problems += [f"{label}: public, but {CLOSURES} does not say what its closure holds; add it" for label in sorted(public - listed)]
    problems += [f"{label}: in {CLOSURES}, but no public target any more; remove it" for label in sorted(listed - public)]
    return problems


def is_named_by_build_file(name):
    """Whether a BUILD file names it, if only for machines unlike this one; true outside this workspace."""
    if name.startswith("examples/outside/"):
        return True
    for folder in pathlib.PurePosixPath(name).parents:
        build = ROOT / folder / "BUILD.bazel"
        if build.is_file():
            return f'"{pathlib.PurePosixPath(name).relative_to(folder)}"' in build.read_text()
    return False


def cpp_files():
    listing = subprocess.run(["git", "ls-files", "*.cc", "*.h"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if listing.returncode == 0:
        return [name for name in listing.stdout.splitlines() if (ROOT / name).exists()]
    return [str(p.relative_to(ROOT)) for floor in FLOORS for p in (ROOT / floor).rglob("*.[ch]*") if p.suffix in (".cc", ".h")]


def main():
    rules = bazel_rules()
    if "--list-edges" in sys.argv:
        for (source, target), pairs in sorted(edges_of(rules).items()):
            print(f"{source} -> {target}: {pairs[0][0]} uses {pairs[0][1]}")
        return 0
    if "--list-public" in sys.argv:
        print("\n".join(public_targets(rules)))
        return 0
    checks = {"edges": check_edges, "floors": check_floors, "includes": check_includes, "targets": check_targets}
    failed = 0
    for name, check in checks.items():
        problems = check(rules)
        failed += bool(problems)
        print(f"layers {name}: " + (f"{len(problems)} problems" if problems else "ok"))
        for problem in problems:
            print("  " + problem)
    print(f"{len(checks) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
