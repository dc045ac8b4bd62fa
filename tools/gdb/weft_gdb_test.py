"""What the commands of weft.py say of waiting_tasks, stopped under gdb and in a core of it."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

HERE = pathlib.Path(os.environ["TEST_SRCDIR"], os.environ["TEST_WORKSPACE"], "tools/gdb")
SOURCE = HERE / "waiting_tasks.cc"
STOP = ("break EverythingWaits", "run")


def gdb(*commands, program=HERE / "waiting_tasks", core=None):
    """The output of a session, without the address space of earlier ones."""
    words = ["gdb", "-nx", "-batch", "-ex", f"source {HERE / 'weft.py'}"]
    for command in commands:
        words += ["-ex", command]
    words += [str(word) for word in (program, core) if word]
    result = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if "ptrace" in result.stdout and "not permitted" in result.stdout:
        raise unittest.SkipTest("gdb may not trace processes here: " + result.stdout)
    return result.stdout


def place(name):
    """file:line of the comment that names the place."""
    for number, line in enumerate(SOURCE.read_text().splitlines(), 1):
        if line.endswith(f"// PLACE: {name}"):
            return f"tools/gdb/waiting_tasks.cc:{number}"
    raise AssertionError(f"{SOURCE}: expected the place {name}, found none")


@unittest.skipUnless(shutil.which("gdb"), "gdb is not installed; ./setup installs it")
class WeftGdbTest(unittest.TestCase):
    maxDiff = None

    def check_tasks(self, output):
        """The program has printed the ids of its tasks, then come theirs."""
        ids = re.search(r"^(0x\w+) (0x\w+) (0x\w+) (0x\w+)$", self.program_output, re.MULTILINE)
        self.assertIsNotNone(ids, self.program_output)
        total, cashier, never, late = ids.groups()
        listing = re.sub(r", spawned at tools/gdb/waiting_tasks\.cc:\d+, on weft::ManualExecutor 0x\w+$", ", SPAWNED", output,
                         flags=re.MULTILINE)
        # Compilers write types and parameters in their own ways.
        parameters = r"\((?:[^()]|\(anonymous namespace\))*\)"
        listing = re.sub(rf"^  .*?(\w+){parameters} at ", r"  \1 at ", listing, flags=re.MULTILINE)
        self.assertIn(
            "4 tasks\n"
            f'task {total} "total of today": waiting, 1 poll, SPAWNED\n'
            f"  Price at {place('sleep')} awaits weft::SleepFor\n"
            f"  Total at {place('total')}\n"
            f"task {cashier}: waiting, 1 poll, SPAWNED\n"
            f"  Cashier at {place('join')} awaits weft::JoinHandle<int>: task {total}\n"
            f'task {never} "never": waiting, 1 poll, SPAWNED\n'
            "  a weft::Never<void>\n"
            f'task {late} "late": queued, 0 polls, SPAWNED\n'
            f"  Total at {place('late')}, not begun\n",
            listing, output)

    def test_tasks_of_a_stopped_process(self):
        self.program_output = gdb(*STOP, "weft tasks")
        self.check_tasks(self.program_output)

    def test_tasks_of_a_core(self):
        with tempfile.TemporaryDirectory() as folder:
            core = pathlib.Path(folder, "core")
            self.program_output = gdb(*STOP, f"gcore {core}")
            self.check_tasks(gdb("weft tasks", core=core))

    def test_one_task_by_its_id(self):
        # By what the program's own variable holds: the cell of the handle `never`, in the frame above.
        output = gdb(*STOP, "up", "weft task never.state_", "weft task 1", "weft task")
        self.assertRegex(output, r'\ntask 0x\w+ "never": waiting, 1 poll, spawned at .*\n  a weft::Never<void>\n')
        self.assertNotIn("total of today", output)
        self.assertIn("weft task: expected the id of a listed task, found 0x1; 'weft tasks' lists them", output)
        self.assertIn("weft task: expected the id of a task, found none; 'weft tasks' lists them", output)

    def test_messages_where_there_is_nothing_to_see(self):
        self.assertIn("expected a process or a core, found neither", gdb("weft tasks"))
        self.assertIn("make the runtime with track_tasks = weft::TaskTracking::kOn",
                      gdb(STOP[0], "run untracked", "weft tasks"))
        self.assertIn("does it use weft, and has it its symbols", gdb("weft tasks", program=None))


if __name__ == "__main__":
    unittest.main()
