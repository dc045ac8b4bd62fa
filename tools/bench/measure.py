"""Runs programs in turn and reads what they print: Google Benchmark's JSON, and the lines of harnesses for peers."""

import json
import os
import pathlib
import re
import shlex
import subprocess
import tempfile
import time

from declaration import CompareError, closest, refuse

# What Google Benchmark adds to a name to say how it measured.
MANNER = re.compile(r"/(?:process_time|real_time|manual_time|(?:iterations|repeats|min_time):[^/]*)")
WALL = re.compile(r"/(?:real_time|manual_time)")
PEER_LINE = re.compile(r"(?P<id>\w+/\S+)\s+min=\S+ median=(?P<median>\S+) max=\S+ (?P<unit>.+?) n=\d+"
                       r"(?: cores=(?P<cores>[\d.]+))?.*")
NANOS = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}
NO_COUNTERS = {"name", "family_index", "per_family_instance_index", "run_name", "run_type", "repetitions",
               "repetition_index", "threads", "iterations", "real_time", "cpu_time", "time_unit", "items_per_second",
               "bytes_per_second", "label"}


def run(command, timeout, what):
    """The standard output of a command; an error that says which, if it fails."""
    try:
        result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                text=True, timeout=timeout, check=False)
    except OSError as error:
        raise CompareError(f"{what}: expected a program that can be started, found {error}") from error
    except subprocess.TimeoutExpired as error:
        raise CompareError(f"{what}: expected an end within {timeout} s, found none; see --timeout") from error
    if result.returncode != 0:
        tail = "\n  ".join(result.stderr.strip().splitlines()[-5:])
        raise CompareError(f"{what}: expected exit code 0, found {result.returncode}; it said:\n  {tail}")
    return result.stdout


def sample_of(entry):
    """Wall and processor time per item in ns, and the counters, of one entry of Google Benchmark's JSON."""
    unit = NANOS[entry["time_unit"]]
    wall, cpu, items = entry["real_time"] * unit, entry["cpu_time"] * unit, 1
    if entry.get("items_per_second"):
        # The rate is over the time that the benchmark was told to go by.
        items = entry["items_per_second"] * (wall if WALL.search(entry["name"]) else cpu) * 1e-9
    counters = {name: value for name, value in entry.items()
                if name not in NO_COUNTERS and isinstance(value, (int, float)) and not isinstance(value, bool)}
    return {"wall": wall / items, "cpu": cpu / items, "counters": counters}


class Program:
    """A Google Benchmark program of this repository; `config`: of the build, beside bench."""

    def __init__(self, label, path, timeout, config=None):
        self.label, self.path, self.timeout, self.config = label, path, timeout, config
        self.notes = {}
        if not os.access(path, os.X_OK):
            refuse(label, f"its program at {path}", "none", "build it with --config=bench")
        listed = run([path, "--benchmark_list_tests=true"], timeout, label)
        self.names = {MANNER.sub("", line) for line in listed.split()}

    def measure(self, names, min_time):
        wanted = "^(" + "|".join(re.sub(r"([.+*?()\[\]{}|^$\\])", r"\\\1", name) for name in sorted(names)) + ")(/|$)"
        with tempfile.TemporaryDirectory() as folder:
            out = pathlib.Path(folder, "out.json")
            run([self.path, f"--benchmark_filter={wanted}", f"--benchmark_min_time={min_time}",
                 f"--benchmark_out={out}", "--benchmark_out_format=json"], self.timeout, self.label)
            try:
                document = json.loads(out.read_text())
            except (OSError, json.JSONDecodeError) as error:
                raise CompareError(f"{self.label}: expected Google Benchmark's JSON, found {error}") from error
        self.notes = document.get("context", {})
        if self.notes.get("build", "optimised") != "optimised":
            refuse(self.label, "an optimised program", self.notes["build"])
        found = {}
        for entry in document["benchmarks"]:
            name = MANNER.sub("", entry["name"])
            if name not in names:
                continue
            if entry.get("error_occurred"):
                raise CompareError(f"{self.label}: {name}: expected figures, found the error "
                                   f"'{entry.get('error_message')}'")
            found[f"{self.config}:{name}" if self.config else name] = sample_of(entry)
        return found


class Peer:
    """A command that takes filters and prints one line a measurement: GROUP/NAME/THREADS min= median= max= UNIT n= cores=."""

    def __init__(self, name, command, timeout):
        self.name, self.command, self.timeout = name, shlex.split(command), timeout
        self.notes = []

    def measure(self, names, _):
        output = run(self.command + sorted(names), self.timeout, f"peer {self.name}")
        lines = output.splitlines()
        self.notes = [line[1:].strip() for line in lines if line.startswith("#")]
        found = {}
        for match in filter(None, map(PEER_LINE.fullmatch, lines)):
            if match["id"] in names:
                found[f"{self.name}:{match['id']}"] = self.sample(match)
        for name in sorted(names):
            if f"{self.name}:{name}" not in found:
                ids = [match["id"] for match in map(PEER_LINE.fullmatch, lines) if match]
                refuse(f"peer {self.name}", f"a line '{name} min= median= ...'", "none", closest(name, ids))
        return found

    def sample(self, match):
        value, cores = float(match["median"]), float(match["cores"] or 1)
        unit, _, rest = match["unit"].partition("/")
        if unit in NANOS and rest:
            wall = value * NANOS[unit]
        elif unit.startswith("M ") and rest == "s":
            wall = 1e3 / value
        else:
            return {"counters": {"value": value}}
        return {"wall": wall, "cpu": wall * cores, "counters": {}}


class Load:
    """How many processors others keep busy."""

    def __init__(self):
        self.at, self.busy, self.own = time.monotonic(), self.read_busy(), self.read_own()

    @staticmethod
    def read_busy():
        with open("/proc/stat", encoding="ascii") as file:
            fields = [int(field) for field in file.readline().split()[1:9]]
        return (sum(fields) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK")

    @staticmethod
    def read_own():
        times = os.times()
        return times.user + times.system + times.children_user + times.children_system

    def others(self):
        elapsed = max(time.monotonic() - self.at, 1e-3)
        return max(0.0, (self.read_busy() - self.busy - self.read_own() + self.own) / elapsed)


def processors():
    """How many this process may use."""
    return len(os.sched_getaffinity(0))


def owner_of(cell, programs):
    """The first of the programs that has the benchmark of a cell."""
    owners = [program for program in programs if cell.name in program.names]
    if not owners:
        names = set().union(*(program.names for program in programs))
        refuse("declared benchmarks", f"{cell.name} in " + " or ".join(program.label for program in programs),
               "none", closest(cell.name, names))
    return owners[0]


def plan(cells, programs, peers):
    """runner -> the names it is to measure. Cells of peers that were not given are left out."""
    wanted = {}
    for cell in cells:
        if cell.peer is not None:
            if cell.peer in peers:
                wanted.setdefault(peers[cell.peer], set()).add(cell.name)
            continue
        owner = owner_of(cell, [program for program in programs if program.config == cell.config])
        wanted.setdefault(owner, set()).add(cell.name)
    return wanted


def rounds_of(wanted, rounds, min_time, say):
    """Each runner once, `rounds` times over: [{name: sample}], and the load that others made in each round."""
    results, loads = [], []
    for number in range(1, rounds + 1):
        load, started, result = Load(), time.monotonic(), {}
        for runner, names in wanted.items():
            result.update(runner.measure(names, min_time))
        results.append(result)
        loads.append(load.others())
        say(f"round {number} of {rounds}: {len(result)} figures in {time.monotonic() - started:.0f} s, "
            f"others kept {loads[-1]:.2f} processors busy")
    return results, loads
