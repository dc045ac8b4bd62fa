"""Goal: tools/bench/compare runs its programs in turn, computes what it says, and names what is wrong.

Method: fake programs and a fake peer with known figures, in a repository of their own.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

from tools.testing.weft_cli import runfile

# Speaks as a Google Benchmark program does. FIGURES: name -> a list of entries, one a round; each run notes itself.
FAKE = """#!{python} -IS
import json, pathlib, re, sys
figures = json.loads({figures!r})
options = dict(word[2:].split("=", 1) for word in sys.argv[1:])
if "benchmark_list_tests" in options:
    print("\\n".join(figures))
    sys.exit(0)
log = pathlib.Path({log!r})
runs = log.read_text().split().count({me!r}) if log.exists() else 0
with log.open("a") as file:
    file.write({me!r} + "\\n")
entries = [dict({{"name": name, "time_unit": "ns"}}, **rounds[runs % len(rounds)]) for name, rounds in figures.items()
           if re.search(options["benchmark_filter"], name)]
context = {{"compiler": "fakecc 1.2", "build": {build!r}}}
pathlib.Path(options["benchmark_out"]).write_text(json.dumps({{"context": context, "benchmarks": entries}}))
"""

PEER = """#!/bin/sh
echo peer >> {log}
echo "# 2026-11-27T00:00:00Z rustc 1.95.0 (59807616e 2026-04-14)"
echo "# swift-queue v1.2.3"
echo "# other-queue v4.5.6"
echo "queue/swift_pair/1    min=1.0 median=12.5 max=30 ns/pair n=1 cores=2.00 others=0.01"
echo "queue/swift_flow/2    min=1.0 median=40 max=50 M items/s n=1 cores=1.50 others=0.01"
echo "queue/swift_share/2    min=9.57 median=9.57 max=9.57 % n=1 cores=0.49 others=1.48"
"""

README = """# pkg

## 5 Costs

Little.

## 6 Tests

Many.
"""


def time(wall, cpu, **more):
    return {"real_time": wall, "cpu_time": cpu, **more}


class CompareTest(unittest.TestCase):

    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(dir=os.environ.get("TEST_TMPDIR"), prefix="c"))
        self.addCleanup(shutil.rmtree, self.root, ignore_errors=True)
        self.log = self.root / "log"
        self.unbuilt = None
        self.table = {"item": "ns", "base": "Ours", "columns": {"pair": "BM_{}_Pair"},
                      "rows": {"Ours": "Ours", "Theirs": "Theirs"}}
        self.programs = {"ours": {"BM_Ours_Pair": [time(10, 11), time(12, 11), time(11, 11)]},
                         "theirs": {"BM_Theirs_Pair": [time(20, 11), time(18, 11), time(33, 11)]}}
        self.by_gcc = {}
        (self.root / "pkg").mkdir()
        (self.root / "pkg/README.md").write_text(README)

    def compare(self, *arguments, build="optimised", package="pkg"):
        self.log.unlink(missing_ok=True)
        for place, programs in (("bin/pkg", self.programs), ("bin/gcc/pkg", self.by_gcc)):
            folder = self.root / place
            folder.mkdir(parents=True, exist_ok=True)
            for name, figures in programs.items():
                if name != self.unbuilt:
                    self.script(folder / name, FAKE.format(python=sys.executable, figures=json.dumps(figures),
                                                           log=str(self.log), me=name, build=build))
        labels = [f"//pkg:{name}" for name in self.programs]
        (self.root / "pkg/benchmarks.json").write_text(
            json.dumps({"programs": labels, "tables": {"pkg-pair": self.table}}))
        environment = dict(os.environ, PYTHONDONTWRITEBYTECODE="1")
        return subprocess.run([runfile("tools/bench/compare"), package, f"--root={self.root}", f"--bin={self.root}/bin",
                               "--rounds=3", *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, env=environment, check=False)

    def script(self, path, text):
        path.write_text(text)
        path.chmod(0o755)
        return path

    def expect(self, *lines, arguments=()):
        finished = self.compare(*arguments)
        self.assertEqual(finished.returncode, 0, finished.stderr)
        for line in lines:
            self.assertIn(line, finished.stdout)
        return finished.stdout

    def refused(self, *parts, arguments=(), **kwargs):
        before = (self.root / "pkg/README.md").read_text()
        finished = self.compare("--write", *arguments, **kwargs)
        self.assertEqual(finished.returncode, 2, finished.stdout + finished.stderr)
        for part in parts:
            self.assertIn(part, finished.stderr)
        self.assertNotIn("Traceback", finished.stderr)
        self.assertEqual((self.root / "pkg/README.md").read_text(), before)

    # Figures.

    def test_medians_ends_and_ratios_within_a_round(self):
        self.expect("| ns | pair |",
                    "| Ours | 11.0 (10.0–12.0), cpu 11.0 |",
                    "| Theirs | 20.0 (18.0–33.0), cpu 11.0, 2.00x |",  # of 2.0, 1.5 and 3.0
                    "fakecc 1.2", "Medians of 3 rounds (lowest and highest) of wall time, cpu: processor time; x: ratio to Ours")

    def test_quartiles_of_many_rounds(self):
        self.programs["ours"]["BM_Ours_Pair"] = [time(wall, 1) for wall in (1, 2, 3, 4, 5, 6, 7, 8, 100)]
        self.expect("| Ours | 5.00 (3.00–7.00)", "(quartiles)", arguments=["--rounds=9"])

    def test_programs_and_peers_take_turns(self):
        peer = self.script(self.root / "peer", PEER.format(log=self.log))
        self.table["rows"]["Swift"] = {"pair": "rust:queue/swift_pair/1"}
        self.expect(arguments=[f"--peer=rust={peer}"])
        self.assertEqual(self.log.read_text().split(), ["ours", "theirs", "peer"] * 3)

    def test_times_are_per_item_of_the_time_that_the_rate_is_over(self):
        self.programs["ours"] = {
            # 1000 items in 50000 ns of wall time, and in 20000 ns of processor time.
            "BM_Ours_Pair/process_time/manual_time": [time(50000, 20000, items_per_second=1000 / 50e-6)],
        }
        self.programs["theirs"] = {"BM_Theirs_Pair": [time(60000, 20000, items_per_second=1000 / 20e-6)]}
        self.expect("| Ours | 50.0 (50.0–50.0), cpu 20.0 |", "| Theirs | 60.0 (60.0–60.0), cpu 20.0, 1.20x |")

    def test_processor_time_may_be_the_one_that_counts(self):
        self.table["metric"] = "cpu"
        self.expect("| Theirs | 11.0 (11.0–11.0), wall 20.0, 1.00x |", "of processor time, wall: wall time; x: ratio")

    def test_a_column_may_have_one_time_only(self):
        self.table["columns"] = {"pair": {"benchmark": "BM_{}_Pair", "time": "cpu"}}
        self.table["goals"] = [["Ours", "pair", "<= 1x of Theirs"]]
        self.expect("| Theirs | 11.0 (11.0–11.0), 1.00x |", "| 1.00x (1.00–1.00) of Theirs | met |",
                    "(lowest and highest) of processor time; x:")
        self.table["columns"]["again"] = "BM_{}_Pair"
        self.expect(" of processor time in 'pair', of wall time, cpu: processor time in 'again'; x:")

    def test_lines_of_a_peer(self):
        peer = self.script(self.root / "peer", PEER.format(log=self.log))
        self.table["columns"].update({"flow": "BM_{}_Pair", "share": "BM_{}_Pair"})
        self.table["rows"]["Swift"] = {"pair": "rust:queue/swift_pair/1", "flow": "rust:queue/swift_flow/2",
                                       "share": "rust:queue/swift_share/2#value"}
        self.expect("| Swift | 12.5 (12.5–12.5), cpu 25.0, 1.14x | 25.0 (25.0–25.0), cpu 37.5, 2.27x | "
                    "9.57 (9.57–9.57)", "Rust: rustc 1.95.0, swift-queue v1.2.3.", arguments=[f"--peer=rust={peer}"])

    def test_a_peer_that_was_not_given_is_not_run(self):
        self.table["rows"]["Swift"] = {"pair": "rust:queue/swift_pair/1"}
        self.table["goals"] = [["Ours", "pair", "< 1x of every rival"], ["Ours", "pair", "< 1x of Swift"]]
        self.expect("| Swift | not run |", "0.50x (0.33–0.67) of Theirs; without Swift | met |", "| – | not run |")

    def test_counters_are_shown_as_they_are(self):
        self.table["columns"] = {"steals": "BM_{}_Pair#steals"}
        self.programs["ours"]["BM_Ours_Pair"] = [time(1, 1, steals=5)]
        self.programs["theirs"]["BM_Theirs_Pair"] = [time(1, 1, steals=4)]
        self.table["goals"] = [["Ours", "steals", ">= 1x of Theirs"], ["Ours", "steals", ">= 6"]]
        self.expect("| Ours | 5.00 (5.00–5.00) |", "| Theirs | 4.00 (4.00–4.00), 0.80x |",
                    "| 1.25x (1.25–1.25) of Theirs | met |", "| 5.00 (5.00–5.00) | **missed** |")
        self.programs["theirs"]["BM_Theirs_Pair"] = [time(1, 1, steals=0)]
        self.expect("| Theirs | 0.00 (0.00–0.00), 0.00x |", "| infx (inf–inf) of Theirs | met |")
        self.table.update(columns={"steals": "BM_{}_Pair#steals*1e3"}, goals=[])
        self.expect("| Ours | 5000 (5000–5000) |")

    def test_a_row_may_be_of_another_configuration(self):
        self.by_gcc = {"ours": {"BM_Ours_Pair": [time(30, 30)], "BM_Other": [time(1, 1)]}}
        self.table["rows"]["Ours by GCC"] = {"pair": "gcc:BM_Ours_Pair"}
        self.table["goals"] = [["Ours by GCC", "pair", "<= 3x of Ours"]]
        self.expect("| Ours by GCC | 30.0 (30.0–30.0), cpu 30.0, 2.73x |", "gcc: fakecc 1.2.",
                    "2.73x (2.50–3.00) of Ours | met |")
        self.assertEqual(self.log.read_text().split(), ["ours", "theirs", "ours"] * 3)
        self.table["rows"]["Ours by GCC"] = {"pair": "gcc:BM_Hours_Pair"}
        self.refused("expected BM_Hours_Pair in //pkg:ours or //pkg:theirs, found none")

    def test_a_column_may_need_more_processors_than_there_are(self):
        self.table["columns"].update(crowd={"benchmark": "BM_{}_Crowd", "processors": 100_000},
                                     few={"benchmark": "BM_{}_Pair", "processors": 1})
        self.table["goals"] = [["Ours", "crowd", "<= 3 ns"], ["Ours", "few", "<= 11 ns"]]
        self.expect("| ns | pair | few |", "Ours, crowd: <= 3 ns | – | needs 100000 processors |",
                    "Ours, few: <= 11 ns | 11.0 ns", arguments=[f"--save={self.root}/saved"])
        self.expect("| ns | pair | few |", "needs 100000 processors", arguments=[f"--from={self.root}/saved"])

    # Goals.

    def test_goals_are_judged_by_the_median_and_count_rounds(self):
        self.table["goals"] = [["Ours", "pair", "<= 0.6x of Theirs"], ["Ours", "pair", "< 11 ns"],
                               ["Ours", "pair", "cpu <= 11 ns"], ["Theirs", "pair", "<= 1x of Ours + 9 ns"]]
        self.expect("<= 0.6x of Theirs | 0.50x (0.33–0.67) of Theirs | met (holds in 2 of 3 rounds) |",
                    "< 11 ns | 11.0 ns (10.0–12.0) | **missed** (holds in 1 of 3 rounds) |",
                    "cpu <= 11 ns | 11.0 ns (11.0–11.0) | met |",
                    "<= 1x of Ours + 9 ns | 2.00x (1.50–3.00) of Ours | **missed** (holds in 1 of 3 rounds) |")

    def test_rivals_that_lose_items_are_marked(self):
        self.programs["theirs"]["BM_Theirs_Pair"] = [time(20, 11, lost=2, disordered=0)]
        self.expect("1.82x † |", "in all rounds: Theirs, pair: 6 lost.")

    def test_rows_of_ours_are_no_rivals(self):
        self.table["ours"] = ["Ours", "Theirs"]
        self.table["rows"]["Third"] = "Ours"
        self.table["goals"] = [["Theirs", "pair", "< 2x of every rival"]]
        self.expect("| 2.00x (1.50–3.00) of Third | **missed** (holds in 1 of 3 rounds) |")

    def test_ours_must_lose_nothing(self):
        self.programs["ours"]["BM_Ours_Pair"] = [time(20, 11, disordered=1)]
        self.refused("Ours, pair: expected every item once and in order, found 3 disordered")

    # READMEs.

    def test_a_table_without_markers_goes_to_the_end_of_costs(self):
        self.expect(arguments=["--write"])
        text = (self.root / "pkg/README.md").read_text()
        self.assertIn("Little.\n\n<!-- bench:pkg-pair -->\n| ns | pair |", text)
        self.assertIn("<!-- /bench:pkg-pair -->\n\n## 6 Tests\n\nMany.\n", text)

    def test_writing_again_changes_only_what_is_between_the_markers(self):
        self.expect(arguments=["--write", f"--save={self.root}/saved"])
        path = self.root / "pkg/README.md"
        once = path.read_text()
        path.write_text(once.replace("| Ours |", "| Something old |"))
        self.expect(arguments=["--write", f"--from={self.root}/saved"])
        self.assertEqual(path.read_text(), once)
        self.assertFalse(self.log.exists())  # nothing was run

    def test_without_write_readmes_stay(self):
        self.expect()
        self.assertEqual((self.root / "pkg/README.md").read_text(), README)

    def test_broken_markers_are_refused(self):
        (self.root / "pkg/README.md").write_text(README + "<!-- bench:pkg-pair -->\n")
        self.refused("expected one <!-- bench:pkg-pair --> and one <!-- /bench:pkg-pair --> behind it, found 1 and 0")

    def test_a_readme_without_a_place_is_refused(self):
        (self.root / "pkg/README.md").write_text("# pkg\n")
        self.refused("or a section Costs, found neither")

    # What is wrong is named.

    def test_unknown_benchmark(self):
        self.table["rows"]["Theirs"] = "Thiers"
        self.refused("expected BM_Thiers_Pair in //pkg:ours or //pkg:theirs, found none", "did you mean BM_Theirs_Pair")

    def test_declarations_can_be_checked_alone(self):
        finished = self.compare("--check")
        self.assertEqual((finished.returncode, finished.stdout), (0, ""))
        self.assertIn("1 tables: every benchmark that they name exists", finished.stderr)
        self.assertFalse(self.log.exists())
        self.table["rows"]["Theirs"] = "Thiers"
        self.refused("expected BM_Thiers_Pair", arguments=["--check"])

    def test_missing_program(self):
        self.unbuilt = "theirs"
        self.refused("//pkg:theirs: expected its program at", "found none; build it with --config=bench")

    def test_error_of_a_benchmark(self):
        self.programs["theirs"]["BM_Theirs_Pair"] = [time(0, 0, error_occurred=True, error_message="no luck")]
        self.refused("//pkg:theirs: BM_Theirs_Pair: expected figures, found the error 'no luck'")

    def test_program_that_was_not_optimised(self):
        self.refused("//pkg:ours: expected an optimised program, found NOT optimised", build="NOT optimised")

    def test_peer_without_the_row(self):
        peer = self.script(self.root / "peer", PEER.format(log=self.log))
        self.table["rows"]["Swift"] = {"pair": "rust:queue/swift_pear/1"}
        self.refused("peer rust: expected a line 'queue/swift_pear/1 min= median= ...', found none; "
                     "did you mean queue/swift_pair/1", arguments=[f"--peer=rust={peer}"])

    def test_peer_that_fails(self):
        peer = self.script(self.root / "peer", "#!/bin/sh\necho 'out of luck' >&2\nexit 3\n")
        self.table["rows"]["Swift"] = {"pair": "rust:queue/swift_pair/1"}
        self.refused("peer rust: expected exit code 0, found 3", "out of luck", arguments=[f"--peer=rust={peer}"])

    def test_unit_that_is_no_time(self):
        peer = self.script(self.root / "peer", PEER.format(log=self.log))
        self.table["rows"]["Swift"] = {"pair": "rust:queue/swift_share/2"}
        self.refused("say rust:queue/swift_share/2#value", arguments=[f"--peer=rust={peer}"])

    def test_declarations_that_make_no_sense(self):
        for change, message in (
            ({"goals": [["Ours", "pair", "fast"]]}, "expected a goal such as '<= 1.2x of NAME'"),
            ({"goals": [["Ours", "pair", "< 1x of Theris"]]}, "found 'Theris'; did you mean Theirs"),
            ({"goals": [["Ours", "pear", "< 1 ns"]]}, "expected the title of a column, found 'pear'; did you mean pair?"),
            ({"base": "Hours"}, "expected base to be the name of a row, found 'Hours'; did you mean Ours"),
            ({"ours": ["Hours"]}, "expected ours to be names of rows, found 'Hours'; did you mean Ours"),
            ({"rows": {"Ours": {"pear": "x"}}}, "expected titles of columns or '*', found pear"),
            ({"rows": {"Ours": {"pair": "BM_X#y*z"}}}, "expected BM_..., CONFIG:BM_... or PEER:GROUP/NAME/THREADS, found 'BM_X#y*z'"),
            ({"rows": {"Ours": {"pair": "x"}}}, "expected BM_..., CONFIG:BM_... or PEER:GROUP/NAME/THREADS, found 'x'"),
            ({"metric": "luck"}, "expected metric wall or cpu, found 'luck'"),
            ({"columns": {"pair": 1}}, "column pair: expected a benchmark, or {benchmark, time: wall or cpu, processors: a number}, found 1"),
            ({"columms": {}}, "expected an object with base, columns"),
        ):
            with self.subTest(message=message):
                kept = dict(self.table)
                self.table.update(change)
                self.refused("pkg/benchmarks.json, table pkg-pair", message)
                self.table = kept

    def test_unknown_package_and_table(self):
        self.refused("gkp/benchmarks.json: expected a file", package="gkp")
        self.refused("kpkg/benchmarks.json: expected a file", "did you mean pkg?", package="kpkg")
        self.refused("--table: expected the name of a table, found 'pkg-pear'", arguments=["--table=pkg-pear"])


if __name__ == "__main__":
    unittest.main()
