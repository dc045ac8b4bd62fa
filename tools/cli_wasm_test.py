"""Goal: a hostile guest fails its own step, with a message that names step, module and cause; nothing else suffers.

Method: the real program on modules in text form, one for each way to misbehave, beside a step that does not.
"""

import resource
import unittest

from tools.testing import weft_cli

MODULE = """(module
  (import "weft" "fs_read" (func $fs_read (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "%s")
  (func (export "weft_abi_1"))
  (func (export "weft_run") %s))
"""

# name -> (path that it may ask for, body, what the message must hold)
HOSTILE = {
    "outside": ("../secret.txt", "(drop (call $fs_read (i32.const 0) (i32.const 13)))", ("fs_read", "../secret.txt")),
    "ungranted": ("other.txt", "(drop (call $fs_read (i32.const 0) (i32.const 9)))", ("not granted", "other.txt")),
    "link": ("in/link.txt", "(drop (call $fs_read (i32.const 0) (i32.const 11)))", ("in/link.txt", "link")),
    "spins": ("", "(loop (br 0))", ("wall",)),
    "burns": ("", "(loop (br 0))", ("fuel",)),
    "greedy": ("", "(loop (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then unreachable)) (br 0))", ()),
    "traps": ("", "unreachable", ("unreachable",)),
    "pointer": ("", "(drop (call $fs_read (i32.const -8) (i32.const 100)))", ()),
}

GRAPH = "".join(f"""
step {{
  id: "{name}"
  wasm {{
    module: "{name}.wat"
    grants {{ fs_read: "in/*.txt" }}
    limits {{ {"fuel: 100000" if name == "burns" else "memory_bytes: 4194304 wall_ms: 300"} }}
  }}
  output {{ name: "o" }}
}}
""" for name in HOSTILE) + """
step { id: "good" wasm { module: "good.wat" grants { fs_read: "in/*.txt" } } output { name: "o" } }
step { id: "after" builtin { function: "concat" } input { name: "x" step: "good" output: "o" }
       input { name: "y" literal: "finished\\n" } output { name: "o" } }
result: "after.o"
"""


class LittleRoom(weft_cli.WeftTest):
    """Sanitizers need address space of their own; there the limit would stop the program itself."""

    def limited(self, gigabytes):
        bytes_ = gigabytes << 30
        return self.run_graph(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (bytes_, bytes_)))

    def setUp(self):
        super().setUp()
        self.write("in/a.txt", "a")
        self.write("good.wat", MODULE % ("in/a.txt", "(drop (call $fs_read (i32.const 0) (i32.const 8)))"))
        self.write("g.textproto", GRAPH[GRAPH.index('step { id: "good"'):])
        with open(weft_cli.runfile("tools/weft"), "rb") as program:
            if b"__sanitizer" in program.read():
                self.skipTest("built with a sanitizer")

    def test_guests_run_in_a_smaller_pool(self):
        self.assertEqual(self.expect(self.limited(16), 0).out, "finished\n")

    def test_no_room_at_all_is_said_before_anything_runs(self):
        self.expect_error(self.limited(4), "g.textproto:1:", "ulimit -v")

    def test_graphs_without_guests_need_no_room(self):
        self.write("g.textproto", 'step { id: "a" builtin { function: "concat" } output { name: "o" } }')
        self.expect(self.limited(4), 0)


class Hostile(weft_cli.WeftTest):
    def setUp(self):
        super().setUp()
        for name, (path, body, _) in HOSTILE.items():
            self.write(f"{name}.wat", MODULE % (path, body))
        self.write("good.wat", MODULE % ("in/a.txt", "(drop (call $fs_read (i32.const 0) (i32.const 8)))"))
        self.write("in/a.txt", "a")
        self.write("other.txt", "not granted")
        self.write("secret.txt", "outside")
        (self.dir / "in/link.txt").symlink_to(self.dir / "secret.txt")
        self.write("g.textproto", GRAPH)

    def test_each_fails_alone_and_says_why(self):
        finished = self.expect(self.run_graph("--json", "--on-error=continue"), 1)
        steps = finished.steps()
        for name, (_, _, parts) in HOSTILE.items():
            with self.subTest(guest=name):
                self.assertEqual(steps[name]["status"], "failed")
                message = steps[name]["error"]["message"]
                self.assertIn(f'step "{name}" (wasm)', message)
                self.assertIn(f"{name}.wat", message)
                for part in parts:
                    self.assertIn(part, message)
        self.assertEqual(steps["good"]["status"], "executed")
        self.assertEqual(steps["after"]["status"], "executed")
        self.assertEqual(finished.json()["results"][0]["text"], "finished\n")
        self.assertEqual(finished.json()["counts"]["failed"], len(HOSTILE))

    def test_what_a_guest_read_is_checked_before_its_result_is_used_again(self):
        self.write("g.textproto", GRAPH[GRAPH.index('step { id: "good"'):])
        self.expect(self.run_graph(), 0)
        self.assertIn("executed 0 steps", self.expect(self.run_graph(), 0).err)
        self.write("in/a.txt", "changed")
        steps = self.expect(self.run_graph("--json"), 0).steps()
        self.assertEqual(steps["good"]["status"], "executed")
        self.assertEqual(steps["good"]["reason"], "observed-changed")
        self.assertIn("a.txt", steps["good"]["why"])

    def test_wasi_is_refused_with_a_hint(self):
        self.write("good.wat", '(module (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) '
                   '(result i32))) (memory (export "memory") 1) (func (export "weft_abi_1")) '
                   '(func (export "weft_run")))')
        self.write("g.textproto", GRAPH[GRAPH.index('step { id: "good"'):])
        finished = self.expect(self.run_graph(), 1)
        self.assertIn("WASI", finished.err)
        self.assertIn("good.wat", finished.err)


if __name__ == "__main__":
    unittest.main()
