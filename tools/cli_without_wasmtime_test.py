"""Goal: a weft that was built without Wasmtime runs other graphs, and says what to do about a wasm step.

Method: a program that is linked like weft on a machine without Wasmtime; it exists on every machine.
"""

import unittest

from tools.testing import weft_cli


class WithoutWasmtime(weft_cli.WeftTest):
    PROGRAM = "tools/weft_without_wasmtime"

    def test_wasm_step_ends_with_2_and_the_way_out(self):
        self.write("m.wasm", "not looked at")
        self.write("g.textproto", 'step { id: "a" wasm { module: "m.wasm" } output { name: "o" } }')
        self.expect_error(self.run_graph(), "g.textproto:1:", "without Wasmtime", "./setup")

    def test_repeated_steps_are_one_problem(self):
        self.write("m.wasm", "not looked at")
        self.write("g.textproto", 'step { id: "a/${i}" repeat: "9" wasm { module: "m.wasm" } output { name: "o" } }')
        finished = self.run_graph()
        self.expect_error(finished, 'step "a/0"')
        self.assertEqual(len(finished.err.splitlines()), 1)

    def test_other_graphs_run(self):
        self.write("g.textproto", 'step { id: "a" process { argv: "echo" argv: "hello" } output { name: "o" } }\n'
                   'result: "a.o"')
        self.assertEqual(self.expect(self.run_graph(), 0).out, "hello\n")


if __name__ == "__main__":
    unittest.main()
