#!/usr/bin/env python3
"""Shows that every ordered access of the lock-free packages has a mutant, and that every mutant is caught.

Usage: tools/model/mutant_report.py [--logs DIR] [PACKAGE...]      after `bazel test` of the packages' model tests

Reads the tables that the model tests printed (DIR/PACKAGE/**/test.log; default: bazel-testlogs), and looks in the
sources of the packages (default: deque mpmc parker timer) for what must have a mutant: each memory order other than
relaxed, each fence, each side of an asymmetric barrier, each re-check. Prints one table of all mutants: place, change,
the scenario that catches it, executions explored. A place without a mutant, a mutant that survives and a package without
a table are failures. The last line is "N passed, N failed".
"""

import argparse
import pathlib
import re
import sys

PACKAGES = ("deque", "mpmc", "parker", "timer")
NOT_SHIPPED = re.compile(r"_(?:test|benchmark|example)\.cc$|(?:^|/)testing/|rivals")
# Files with ordered accesses that are no lock-free body.
EXCEPTIONS = {"timer/manual_clock.h": "a store and a load of one word, for tests; its contract is that very edge"}
# What a mutant can be made of, and the calls in which it may stand.
ORDERED = re.compile(r"memory_order_(?:acquire|release|acq_rel|seq_cst|consume)"
                     r"|\b(?:LightBarrier|HeavyBarrier|Recheck)\(")
CALL = re.compile(r"\b(?:load|store|exchange|compare_exchange_\w+|fetch_\w+|Fence|LightBarrier|HeavyBarrier|Recheck)\(")
CALL_REACH = 4  # lines over which one call may stretch
ROW = re.compile(r"^(?P<file>[\w.]+):(?P<line>\d+) (?P<function>.*?) +\| (?P<change>.*?) +\| (?P<caught>.*?) +\| (?P<runs>\d+)$")


def code(line):
    """The line without its comment."""
    return line.split("//", 1)[0]


def ordered_calls(path):
    """Yields (first line, last line) of each call of the file that must have a mutant."""
    lines = path.read_text().splitlines()
    seen = set()
    for number, line in enumerate(lines, 1):
        if not ORDERED.search(code(line)):
            continue
        first = number
        while first > max(1, number - CALL_REACH) and not CALL.search(code(lines[first - 1])):
            first -= 1
        if first not in seen:
            seen.add(first)
            yield first, number


def sources(root, package):
    for path in sorted((root / package).rglob("*")):
        name = path.relative_to(root).as_posix()
        if name.endswith((".h", ".cc")) and not NOT_SHIPPED.search(name) and name not in EXCEPTIONS:
            yield pathlib.Path(name)


def tables(logs, package):
    """The rows of every table that the package's tests printed, as matches of ROW."""
    rows = []
    for log in sorted((logs / package).rglob("test.log")):
        rows += [row for row in map(ROW.match, log.read_text(errors="replace").splitlines()) if row]
    return rows


def check(root, logs, package, show=print):
    """Shows the package's table; returns how many places have mutants, and what is wrong."""
    rows = tables(logs, package)
    if not rows:
        return 0, [f"{package}: expected tables of mutants in {logs / package}, found none; run "
                   f"`bazel test //{package}/...` first"]
    show(f"== {package}: {len(rows)} mutants, {sum(int(row['runs']) for row in rows)} executions")
    passed, failures = 0, []
    for row in rows:
        show(row.group())
        if row["caught"] == "-":
            failures.append(f"{package}: no scenario catches {row['file']}:{row['line']} {row['change']}")
    reached = {(row["file"], int(row["line"])) for row in rows}
    for path in sources(root, package):
        for first, last in ordered_calls(root / path):
            if any((path.name, line) in reached for line in range(first, last + 1)):
                passed += 1
            else:
                failures.append(f"{path}:{first}: this order, barrier or re-check has no mutant: no scenario of the "
                                "model tests passes it")
    return passed, failures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--logs", type=pathlib.Path, default=pathlib.Path("bazel-testlogs"))
    parser.add_argument("packages", nargs="*", default=PACKAGES)
    options = parser.parse_args()
    root = pathlib.Path(__file__).resolve().parents[2]
    passed, failures = 0, []
    for package in options.packages:
        places, wrong = check(root, root / options.logs, package)
        passed += places
        failures += wrong
    for failure in failures:
        print(failure)
    print(f"{passed} passed, {len(failures)} failed")
    return 1 if failures or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
