"""Goal: weft can be stopped and killed at any moment; no process stays behind, and no store is read wrongly after.

Method: the steps are processes that meet the test at named pipes, so the test knows what runs when it sends a signal.
End of file at a pipe that a step's whole process group holds open says that the group is gone.
"""

import os
import random
import signal
import unittest

from tools.testing import weft_cli

# Says that it is there, and waits for ever; all its processes hold the pipe "alive" open.
WAITING = """
step { id: "first" builtin { function: "concat" } input { name: "x" literal: "kept" } output { name: "o" } }
step {
  id: "waits"
  process { argv: "sh" argv: "-c" argv: "%s exec 9>alive; echo here >&9; sh -c 'cat never; true'; true" stdin: "x" }
  input { name: "x" step: "first" output: "o" }
  output { name: "o" }
}
step { id: "last" builtin { function: "concat" } input { name: "x" step: "waits" output: "o" } output { name: "o" } }
result: "last.o"
"""

# Each step of a chain tells the test that it runs.
STEPS = 12
CHAIN = """
step { id: "s/0" builtin { function: "concat" } input { name: "x" literal: "0\\n" } output { name: "o" } }
""" + "".join(f"""
step {{
  id: "s/{i}"
  process {{ argv: "sh" argv: "-c" argv: "echo {i} >started; cat; echo {i}" stdin: "x" }}
  pure: true
  input {{ name: "x" step: "s/{i - 1}" output: "o" }}
  output {{ name: "o" }}
}}
""" for i in range(1, STEPS)) + f'result: "s/{STEPS - 1}.o"\n'
WHOLE = "".join(f"{i}\n" for i in range(STEPS))
SEED = 20261


class Interrupt(weft_cli.WeftTest):
    def interrupt(self, prologue, number):
        for name in ("alive", "never"):
            os.mkfifo(self.dir / name)
        self.write("g.textproto", WAITING % prologue)
        process = self.start("run", "g.textproto", "--json")
        with open(self.dir / "alive") as alive:
            self.assertEqual(alive.readline(), "here\n")
            process.send_signal(number)
            finished = self.finish(process)
            self.assertEqual(alive.read(), "")  # Nobody holds the pipe any more.
        return finished

    def test_sigint_cancels_and_leaves_no_process(self):
        finished = self.expect(self.interrupt("", signal.SIGINT), 130)
        self.assertIn("interrupted: executed 1 step", finished.err)
        self.assertEqual(finished.json()["status"], "interrupted")
        steps = finished.steps()
        self.assertEqual(steps["first"]["status"], "executed")
        self.assertEqual(steps["waits"]["status"], "cancelled")
        self.assertEqual(steps["last"]["status"], "cancelled")

    def test_processes_that_ignore_sigterm_are_killed(self):
        self.expect(self.interrupt("trap '' TERM;", signal.SIGINT), 130)

    def test_sigterm_is_orderly_too(self):
        self.expect(self.interrupt("", signal.SIGTERM), 128 + signal.SIGTERM)

    def test_fail_fast_kills_what_runs(self):
        for name in ("alive", "never"):
            os.mkfifo(self.dir / name)
        fails = ('step { id: "bad" process { argv: "sh" argv: "-c" argv: "read line <go; exit 1" } '
                 'output { name: "o" } }')
        os.mkfifo(self.dir / "go")
        self.write("g.textproto", WAITING % "" + fails)
        process = self.start("run", "g.textproto")
        with open(self.dir / "alive") as alive:
            self.assertEqual(alive.readline(), "here\n")
            (self.dir / "go").write_text("\n")
            finished = self.expect(self.finish(process), 1)
            self.assertEqual(alive.read(), "")
        self.assertIn('step "bad" (process)', finished.err)


class Kill(weft_cli.WeftTest):
    def test_after_sigkill_a_later_run_is_right(self):
        self.write("g.textproto", CHAIN)
        os.mkfifo(self.dir / "started")
        # Opened in both directions: no step waits for the test, and the test never sees an end of file.
        with os.fdopen(os.open(self.dir / "started", os.O_RDWR), "rb", buffering=0) as started:
            generator = random.Random(SEED)
            for attempt in range(6):
                with self.subTest(seed=SEED, attempt=attempt):
                    self.kill_after(generator.randint(1, STEPS - 1), started)

    def kill_after(self, announcements, started):
        """Kills weft when so many steps have begun: anywhere in the work on one of them, or on its result."""
        self.expect(self.weft("cache", "clear"), 0)
        process = self.start("run", "g.textproto")
        for _ in range(announcements):
            started.readline()
        process.kill()
        process.communicate()
        finished = self.expect(self.run_graph(), 0)
        self.assertEqual(finished.out, WHOLE)
        again = self.expect(self.run_graph(), 0)
        self.assertEqual(again.out, WHOLE)
        self.assertIn("executed 0 steps", again.err)
        os.set_blocking(started.fileno(), False)
        while started.read(4096):
            pass
        os.set_blocking(started.fileno(), True)


if __name__ == "__main__":
    unittest.main()
