"""Drives the real `weft` in tests: graphs in a folder of their own, a store of their own, no sleeps."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest


def runfile(path):
    """A file of the test's data, by its path from the root of the workspace."""
    return os.path.join(os.environ["TEST_SRCDIR"], os.environ["TEST_WORKSPACE"], path)


class Finished:
    """What a run of weft left."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def json(self):
        return json.loads(self.out)

    def steps(self):
        """Step id -> its part of the JSON report."""
        return {step["id"]: step for step in self.json()["steps"]}


class WeftTest(unittest.TestCase):
    """A test with a folder, self.dir, where weft runs and which holds its store."""

    # The program, by its path from the root of the workspace.
    PROGRAM = "tools/weft"

    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(dir=os.environ.get("TEST_TMPDIR"), prefix="w"))
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        self.store = self.dir / "store"

    def write(self, name, text):
        """Writes a file below self.dir."""
        path = self.dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def start(self, *args, store=True, environment=None, **kwargs):
        """Starts weft; its standard output and error are pipes. Adds --store, unless told not to."""
        words = [runfile(self.PROGRAM), *map(str, args)]
        if store:
            words.append(f"--store={self.store}")
        variables = {name: value for name, value in os.environ.items() if name != "BUILD_WORKING_DIRECTORY"}
        variables.update(environment or {})
        kwargs.setdefault("cwd", self.dir)
        return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                text=True, env=variables, **kwargs)

    def finish(self, process):
        """Waits for what start() gave."""
        out, err = process.communicate()
        return Finished(process.returncode, out, err)

    def weft(self, *args, **kwargs):
        """Runs weft to its end."""
        return self.finish(self.start(*args, **kwargs))

    def run_graph(self, *args, graph="g.textproto", **kwargs):
        """weft run of self.dir/g.textproto."""
        return self.weft("run", graph, *args, **kwargs)

    def expect(self, finished, code):
        """Asserts the exit code; shows what weft said if it is another one."""
        self.assertEqual(finished.code, code, f"stdout:\n{finished.out}\nstderr:\n{finished.err}")
        return finished

    def expect_error(self, finished, *parts):
        """Asserts exit code 2, nothing on standard output, and that standard error holds each part."""
        self.expect(finished, 2)
        self.assertEqual(finished.out, "")
        for part in parts:
            self.assertIn(part, finished.err)
