"""Goal: `weft run` runs what changed, prints what the graph names, and says what it did and why.

Method: the real program on graphs of built-ins and processes, in a folder of the test's own.
"""

import json
import os
import pathlib
import pty
import subprocess
import unittest

from tools.testing import weft_cli

# Files are spread over shards by the hash of their paths, and each shard is joined by a process.
SHARDS = """
param { name: "root" type: PATH default: "in" }
step {
  id: "split"
  builtin { function: "shard_list" }
  input { name: "files" tree { root: "${root}" } }
  output { name: "shard${i}" repeat: "4" }
}
step {
  id: "lines/${i}"
  repeat: "4"
  process { argv: "wc" argv: "-l" stdin: "list" }
  pure: true
  input { name: "list" step: "split" output: "shard${i}" }
  output { name: "text" }
}
step {
  id: "all"
  builtin { function: "concat" }
  input { name: "shard${i}" repeat: "4" step: "lines/${i}" output: "text" }
  output { name: "text" }
}
result: "all.text"
"""

FAILING = """
step { id: "bad" builtin { function: "fail" param { name: "message" value: "as planned" } } output { name: "o" } }
step { id: "after" builtin { function: "concat" } input { name: "x" step: "bad" output: "o" } output { name: "o" } }
step { id: "good" builtin { function: "concat" } input { name: "x" literal: "fine\\n" } output { name: "o" } }
result: "good.o"
result: "after.o"
"""


class Run(weft_cli.WeftTest):
    def setUp(self):
        super().setUp()
        self.write("g.textproto", SHARDS)
        for i in range(12):
            self.write(f"in/file{i}.txt", f"number {i}\n")

    def test_second_run_executes_nothing_and_says_so(self):
        first = self.expect(self.run_graph(), 0)
        self.assertEqual(sum(map(int, first.out.split())), 12)
        self.assertIn("executed 6 steps, 0 cached in ", first.err)
        second = self.expect(self.run_graph(), 0)
        self.assertEqual(second.out, first.out)
        self.assertIn("executed 0 steps, 6 cached in ", second.err)

    def test_one_changed_file_reruns_its_shard_and_explain_says_why(self):
        self.expect(self.run_graph(), 0)
        self.write("in/file3.txt", "another\n")
        soon = self.expect(self.weft("explain", "split"), 0)
        self.assertIn("now: would-run", soon.out)
        steps = self.expect(self.run_graph("--json"), 0).steps()
        again = sorted(name for name, step in steps.items() if step["status"] == "executed")
        shards = [name for name in again if name.startswith("lines/")]
        self.assertEqual(len(shards), 1)
        # As many lines as before: whoever reads the number is not run again.
        self.assertEqual(again, [shards[0], "split"])
        self.assertEqual(steps["all"]["status"], "cached")
        self.assertEqual(steps[shards[0]]["reason"], "inputs-changed")
        self.assertIn('"list"', steps[shards[0]]["why"])
        why = self.expect(self.weft("explain", shards[0]), 0).out
        self.assertIn(f"step {shards[0]} (process) of {self.dir}/g.textproto", why)
        self.assertIn("executed in", why)
        self.assertIn('input "list" changed', why)
        self.assertIn("now: cached", why)
        untouched = next(name for name in steps if name.startswith("lines/") and name != shards[0])
        self.assertIn(": cached", self.expect(self.weft("explain", "g.textproto", untouched), 0).out)
        as_json = self.expect(self.weft("explain", shards[0], "--json"), 0).json()
        self.assertEqual(as_json["last_run"]["reason"], "inputs-changed")
        self.assertEqual(as_json["now"]["status"], "cached")

    def test_paths_count_from_where_the_user_stands(self):
        self.write("elsewhere/other/one.txt", "1\n")
        args = ("run", "../g.textproto", "--param", "root=other", "--output", "all.text=out.txt", "--trace", "t.json")
        self.expect(self.weft(*args, cwd=self.dir / "elsewhere"), 0)
        self.assertEqual(sum(map(int, (self.dir / "elsewhere/out.txt").read_text().split())), 1)
        os.remove(self.dir / "elsewhere/out.txt")
        # As under bazel run, which stands elsewhere itself.
        self.expect(self.weft(*args, environment={"BUILD_WORKING_DIRECTORY": str(self.dir / "elsewhere")}), 0)
        self.assertTrue((self.dir / "elsewhere/out.txt").exists())

    def test_default_store_is_the_cache_folder_of_the_user(self):
        self.expect(self.weft("run", "g.textproto", store=False, environment={"XDG_CACHE_HOME": f"{self.dir}/cache"}),
                    0)
        self.assertTrue((self.dir / "cache/weft/store/format").exists())

    def test_outputs_that_are_no_results_can_be_written_too(self):
        finished = self.expect(self.run_graph("--output", "lines/0.text=l0", "--output", "split.shard1=s1"), 0)
        self.assertEqual(len(finished.out.split()), 4)
        self.assertEqual(int((self.dir / "l0").read_text()), int(finished.out.split()[0]))
        self.assertEqual(len((self.dir / "s1").read_text().splitlines()), int(finished.out.split()[1]))
        self.assertEqual(sorted(path.name for path in self.dir.iterdir()), ["g.textproto", "in", "l0", "s1", "store"])

    def test_json_describes_each_step_and_result(self):
        document = self.expect(self.run_graph("--json"), 0).json()
        self.assertEqual(document["schema"], "weft.run/1")
        self.assertEqual(document["graph"], str(self.dir / "g.textproto"))
        self.assertEqual((document["status"], document["exit_code"]), ("succeeded", 0))
        self.assertEqual(document["counts"],
                         {"steps": 6, "executed": 6, "cached": 0, "failed": 0, "blocked": 0, "cancelled": 0})
        step = document["steps"][1]
        self.assertEqual((step["id"], step["function"], step["reason"]), ("lines/0", "process", "first-run"))
        self.assertGreater(step["duration_s"], 0)
        self.assertRegex(step["outputs"][0]["digest"], r"^[0-9a-f]{64}/\d+$")
        self.assertEqual(document["results"][0]["name"], "all.text")
        self.assertEqual(sum(map(int, document["results"][0]["text"].split())), 12)

    def test_trace_has_a_slice_for_each_executed_step(self):
        self.expect(self.run_graph("--trace=t.json"), 0)
        events = json.loads((self.dir / "t.json").read_text())["traceEvents"]
        slices = {event["name"]: event for event in events if event["ph"] == "X"}
        self.assertEqual(sorted(slices), ["all"] + [f"lines/{i}" for i in range(4)] + ["split"])
        # One track shows one step at a time.
        for a in slices.values():
            for b in slices.values():
                if a is not b and a["tid"] == b["tid"]:
                    self.assertTrue(a["ts"] + a["dur"] <= b["ts"] or b["ts"] + b["dur"] <= a["ts"])
        self.assertEqual(sum(event["ph"] == "s" for event in events), 8)
        self.expect(self.run_graph("--trace=t.json"), 0)
        events = json.loads((self.dir / "t.json").read_text())["traceEvents"]
        self.assertEqual([event for event in events if event["ph"] == "X"], [])

    def test_workers_and_max_concurrency_do_not_change_results(self):
        outs = set()
        for flags in (("--workers=1",), ("--workers=3", "--max-concurrency=1"), ("--max-concurrency=2",)):
            self.expect(self.weft("cache", "clear"), 0)
            finished = self.expect(self.run_graph(*flags), 0)
            self.assertIn("executed 6 steps", finished.err)
            outs.add(finished.out)
        self.assertEqual(len(outs), 1)

    def test_two_at_once_share_a_store(self):
        both = [self.start("run", "g.textproto") for _ in range(2)]
        first, second = (self.expect(self.finish(process), 0) for process in both)
        self.assertEqual(first.out, second.out)
        self.assertIn("executed 0 steps", self.expect(self.run_graph(), 0).err)

    def test_cache_counts_and_clears(self):
        self.expect(self.run_graph(), 0)
        stats = self.expect(self.weft("cache", "stats", "--json"), 0).json()
        self.assertEqual(stats["results"], 6)
        self.assertIn("6 results", self.expect(self.weft("cache", "stats"), 0).out)
        cleared = self.expect(self.weft("cache", "clear", "--json"), 0).json()
        self.assertEqual(cleared["removed_results"], 6)
        self.expect_error(self.weft("explain", "all"), "knows no run")
        self.assertIn("executed 6 steps", self.expect(self.run_graph(), 0).err)

    def test_graph_and_check_describe(self):
        self.assertIn("g.textproto: good; 6 steps, 1 result", self.weft("check", "g.textproto", store=False).out)
        self.assertIn(f"--param root={self.dir}/in", self.weft("check", "g.textproto", store=False).out)
        listed = self.weft("graph", "g.textproto", store=False).out.splitlines()
        self.assertEqual(listed[0], "split\tshard_list")
        self.assertEqual(listed[-1], "all\tconcat\tneeds lines/0, lines/1, lines/2, lines/3")
        dot = self.weft("graph", "--dot", "g.textproto", store=False).out
        self.assertTrue(dot.startswith("digraph weft {"))
        self.assertIn('"split" -> "lines/2" [label="shard2"];', dot)
        self.assertIn("shard_list\t", self.weft("functions", store=False).out)


class Failures(weft_cli.WeftTest):
    def setUp(self):
        super().setUp()
        self.write("g.textproto", FAILING)

    def test_failed_step_is_named_and_independent_steps_finish(self):
        finished = self.expect(self.run_graph("--on-error=continue"), 1)
        self.assertEqual(finished.out, "fine\n")
        self.assertIn('failed: step "bad" (fail): as planned', finished.err)
        self.assertIn("executed 1 step, 0 cached, 1 failed, 1 blocked in ", finished.err)

    def test_errors_are_not_kept(self):
        for _ in range(2):
            steps = self.expect(self.run_graph("--json", "--on-error=continue"), 1).steps()
            self.assertEqual(steps["bad"]["status"], "failed")
            self.assertEqual(steps["bad"]["error"]["message"], 'step "bad" (fail): as planned')
            self.assertEqual(steps["after"]["status"], "blocked")
            self.assertIn('"bad"', steps["after"]["why"])
        why = self.expect(self.weft("explain", "after"), 0).out
        self.assertIn("blocked", why)

    def test_fail_fast_ends_with_1(self):
        self.expect(self.run_graph(), 1)

    def test_output_of_a_step_that_failed_is_not_written(self):
        finished = self.expect(self.run_graph("--on-error=continue", "--output", "after.o=f"), 1)
        self.assertIn("--output after.o: its step did not succeed", finished.err)
        self.assertFalse((self.dir / "f").exists())

    def test_process_that_fails_shows_its_last_words(self):
        self.write("g.textproto", 'step { id: "p" process { argv: "sh" argv: "-c" argv: "echo last words >&2; exit 3" } '
                   'output { name: "o" } }')
        finished = self.expect(self.run_graph(), 1)
        self.assertIn('step "p" (process)', finished.err)
        self.assertIn("last words", finished.err)
        self.assertIn("3", finished.err)

    def test_reader_that_went_away_is_an_error(self):
        self.write("g.textproto", 'step { id: "a" builtin { function: "concat" } input { name: "x" literal: "x" } '
                   'output { name: "o" } } result: "a.o"')
        read_end, write_end = os.pipe()
        os.close(read_end)
        with os.fdopen(write_end) as out:
            done = subprocess.run([weft_cli.runfile("tools/weft"), "run", "g.textproto", f"--store={self.store}"],
                                  cwd=self.dir, stdout=out, stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("standard output", done.stderr)


class Progress(weft_cli.WeftTest):
    def on_terminal(self, *flags):
        """Runs with a terminal of 80 columns as standard error; returns what it shows."""
        self.write("g.textproto", FAILING)
        ours, theirs = pty.openpty()
        process = subprocess.Popen([weft_cli.runfile("tools/weft"), "run", "g.textproto", "--on-error=continue",
                                    f"--store={self.store}", *flags], cwd=self.dir, stdout=subprocess.DEVNULL,
                                   stderr=theirs)
        os.close(theirs)
        shown = b""
        while True:
            try:
                piece = os.read(ours, 4096)
            except OSError:  # The other side is closed.
                break
            if not piece:
                break
            shown += piece
        os.close(ours)
        self.assertEqual(process.wait(), 1)
        return shown.decode()

    def test_terminal_shows_a_line_of_counts_and_failures_above_it(self):
        shown = self.on_terminal()
        self.assertRegex(shown, r"\d/3 done, \d running, 0 cached, \d failed, \d+\.\d s")
        self.assertIn('\r\x1b[Kfailed: step "bad" (fail): as planned\r\n', shown)
        # The line is gone in the end; the summary stays.
        self.assertRegex(shown, r"\r\x1b\[Kexecuted 1 step, 0 cached, 1 failed, 1 blocked in [0-9.]+ s\r\n$")

    def test_no_progress_shows_failures_and_the_summary_only(self):
        shown = self.on_terminal("--no-progress")
        self.assertNotIn("done,", shown)
        self.assertNotIn("\x1b", shown)
        self.assertEqual(len(shown.splitlines()), 2)

    def test_no_terminal_no_line(self):
        self.write("g.textproto", FAILING)
        finished = self.expect(self.run_graph("--on-error=continue"), 1)
        self.assertEqual(len(finished.err.splitlines()), 2)


class Words(weft_cli.WeftTest):
    def test_words_counts_its_texts(self):
        graph = pathlib.Path(os.path.realpath(weft_cli.runfile("examples/words/words.textproto")))
        finished = self.expect(self.weft("run", graph), 0)
        pipeline = "cat *.txt | tr 'A-Z' 'a-z' | tr -cs 'a-z' '\\n' | sort | uniq -c | sort -k1,1nr -k2 | head -n 10"
        expected = subprocess.run(["sh", "-c", pipeline], cwd=graph.parent / "text", capture_output=True, text=True,
                                  check=True, env={**os.environ, "LC_ALL": "C"}).stdout
        self.assertEqual([line.split() for line in finished.out.splitlines()],
                         [line.split() for line in expected.splitlines()])
        self.assertIn("executed 0 steps", self.expect(self.weft("run", graph), 0).err)


if __name__ == "__main__":
    unittest.main()
