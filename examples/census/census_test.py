"""Goal: the census of a tree is what `wc` and `sort | uniq -c` say, and counts again only what changed.

Method: the real program, graph and guest on a tree made from a seed, with binary files, links, odd names and words.
"""

import os
import pathlib
import random
import subprocess
import unittest

from tools.testing import weft_cli

SEED = 4711
SHARDS = 5
# Bytes that make words hard: tabs, form feeds, letters beyond ASCII, bytes that are no characters at all.
PIECES = (b"warp", b"weft", b"Weft", b"loom", b"a", b"be\x01e", b"\xc3\xa9t\xc3\xa9", b"\xe2\x80\x94", b"\x01\x02",
          b"x" * 300, b"don't", b"=", b"\xff")
SPACES = (b" ", b"  ", b"\n", b"\t", b"\r\n", b"\x0b", b"\x0c", b"\n\n")


def text(generator, words):
    """Words and spaces, not always with a line feed at the end."""
    return b"".join(generator.choice(PIECES) + generator.choice(SPACES) for _ in range(words)) + generator.choice(PIECES)


class Census(weft_cli.WeftTest):
    def setUp(self):
        super().setUp()
        generator = random.Random(SEED)
        self.root = self.dir / "tree"
        for i in range(40):
            path = self.root / generator.choice((".", "a", "a/b", "with space")) / f"file {i}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text(generator, generator.choice((0, 1, 50, 3000))))
        # Longer than the guest's buffer, with a word across its end.
        (self.root / "long").write_bytes(b"y" * 65530 + b"across" + b"z" * 70000 + b"\n")
        (self.root / "empty").write_bytes(b"")
        self.files = sorted(path for path in self.root.rglob("*") if path.is_file())
        # What does not count: binary files, links, .git and bazel-*.
        (self.root / "binary").write_bytes(b"no\0 text\n")
        (self.root / "link").symlink_to(self.files[0])
        (self.root / ".git").mkdir()
        (self.root / ".git/config").write_text("not me\n")
        (self.root / "bazel-out").mkdir()
        (self.root / "bazel-out/log").write_text("nor me\n")

    def census(self, *args, **kwargs):
        graph = os.path.realpath(weft_cli.runfile("examples/census/census.textproto"))
        module = weft_cli.runfile("examples/census/count.wasm")
        return self.weft("run", graph, "--param", f"root={self.root}", "--param", f"shards={SHARDS}",
                         "--param", f"module={module}", *args, **kwargs)

    def shell(self, pipeline):
        """Output of a pipeline whose standard input is all files, one after the other."""
        files = b"\0".join(str(path).encode() for path in self.files)
        return subprocess.run(["sh", "-c", pipeline], input=files, capture_output=True, check=True,
                              env={**os.environ, "LC_ALL": "C"}).stdout

    def test_totals_are_those_of_wc_and_the_table_that_of_uniq(self):
        finished = self.expect(self.census("--output", f"table.table={self.dir}/table"), 0)
        lines, words, _ = self.shell("wc --files0-from=- | tail -n 1").split()[:3]
        said = finished.out.splitlines()
        self.assertEqual(said[0].split(), ["lines", lines.decode()])
        self.assertEqual(said[1].split(), ["words", words.decode()])
        # A line break after each file: words do not join across files. A word has a printable character.
        counted = self.shell("xargs -0 -I{} sh -c 'cat \"$1\"; echo' _ {} | tr -s '[:space:]' '\\n' | grep -a '[!-~]' "
                             "| sort | uniq -c")
        expected = dict(reversed(line.split(None, 1)) for line in counted.splitlines())
        table = dict(line.rsplit(b"\t", 1) for line in (self.dir / "table").read_bytes().splitlines())
        self.assertEqual(table, expected)
        self.assertEqual(sum(map(int, table.values())), int(words))
        self.assertEqual(list(table), sorted(table))
        best = min(expected, key=lambda word: (-int(expected[word]), word))
        self.assertEqual(said[3].split("\t")[0], expected[best].decode())

    def test_one_changed_file_counts_its_shard_again(self):
        first = self.expect(self.census("--json"), 0)
        self.assertEqual(first.json()["counts"]["executed"], SHARDS + 6)
        again = self.expect(self.census(), 0)
        self.assertIn("executed 0 steps", again.err)
        with open(self.files[7], "ab") as file:
            file.write(b"\none more line of words that were not there\n")
        steps = self.expect(self.census("--json"), 0).steps()
        executed = {name for name, step in steps.items() if step["status"] == "executed"}
        shard = [name for name in executed if name.startswith("count/")]
        self.assertEqual(len(shard), 1)
        self.assertEqual(executed, {"split", shard[0], "lines", "words", "table", "top", "report"})
        why = self.expect(self.weft("explain", shard[0]), 0).out
        self.assertIn('input "files" changed', why)

    def test_number_of_shards_and_workers_does_not_change_the_census(self):
        outs = set()
        for flags in (("--workers=1",), ("--param=top=20", "--workers=4", "--max-concurrency=2")):
            self.expect(self.weft("cache", "clear"), 0)
            outs.add(self.expect(self.census(*flags), 0).out)
        graph = os.path.realpath(weft_cli.runfile("examples/census/census.textproto"))
        module = weft_cli.runfile("examples/census/count.wasm")
        one = self.weft("run", graph, f"--param=root={self.root}", "--param=shards=1", f"--param=module={module}")
        outs.add(self.expect(one, 0).out)
        self.assertEqual(len(outs), 1)

    def test_the_command_of_the_readme_runs_it(self):
        script = weft_cli.runfile("examples/census/census")
        done = subprocess.run([script, f"--param=root={self.root}", f"--store={self.store}"], capture_output=True,
                              text=True, check=False, cwd=self.dir,
                              env={**os.environ, "RUNFILES_DIR": os.environ["TEST_SRCDIR"]})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout, self.expect(self.census(), 0).out)
        self.assertTrue(pathlib.Path(self.store).is_dir())


if __name__ == "__main__":
    unittest.main()
