"""Goal: a graph or a flag that cannot work ends with exit code 2 and a message that says where and what to do.

Method: the real program, one graph for each mistake. Nothing may have run: there is no output, and no store is made
for a graph that is not understood.
"""

import os
import unittest

from tools.testing import weft_cli

GOOD = """
step { id: "a" builtin { function: "concat" } input { name: "t" literal: "text" } output { name: "o" } }
result: "a.o"
"""


def concat(step, *needs):
    """A step that joins the outputs of others."""
    inputs = "".join(f' input {{ name: "{name}" step: "{name}" output: "o" }}' for name in needs)
    return f'step {{ id: "{step}" builtin {{ function: "concat" }}{inputs} output {{ name: "o" }} }}\n'


class BadGraphs(weft_cli.WeftTest):
    def refuse(self, text, *parts, args=()):
        self.write("g.textproto", text)
        for command in (("run", "g.textproto"), ("check", "g.textproto")):
            finished = self.weft(*command, *args, store=command[0] == "run")
            self.expect_error(finished, *parts)
        self.assertFalse(self.store.exists())

    def test_cycle_is_printed_as_a_path(self):
        self.refuse(concat("a", "c") + concat("b", "a") + concat("c", "b"), "g.textproto:", "cycle", "a", "b", "c",
                    " -> ")

    def test_unknown_step_is_named_with_its_place(self):
        self.refuse(concat("a") + concat("b", "aa"), 'g.textproto:2:', '"aa"')

    def test_unknown_output_is_named_with_those_that_exist(self):
        self.refuse(concat("a") + 'result: "a.x"', "g.textproto:2:", "a.x", '"o"')

    def test_unknown_function_is_named(self):
        self.refuse(GOOD.replace("concat", "concta"), "g.textproto:2:", '"concta"')

    def test_duplicate_id_is_named(self):
        self.refuse(concat("a") + concat("a"), "g.textproto:2:", '"a"')

    def test_missing_module_is_named(self):
        self.refuse('step { id: "a" wasm { module: "no/such.wasm" } output { name: "o" } }', "g.textproto:1:",
                    "no/such.wasm")

    def test_unknown_field_has_line_and_column(self):
        self.refuse('step {\n  id: "a"\n  colour: "red"\n}', "g.textproto:3:", "colour")

    def test_wrong_parameter_of_a_function_is_named(self):
        self.refuse('step { id: "a" builtin { function: "head" param { name: "lines" value: "many" } }\n'
                    '  input { name: "t" literal: "" } output { name: "o" } }', "g.textproto:1:", "lines", "many")
        self.refuse('step { id: "a" builtin { function: "head" param { name: "limes" value: "1" } }\n'
                    '  input { name: "t" literal: "" } output { name: "o" } }', "g.textproto:1:", "limes", "lines")

    def test_wrong_parameter_of_the_graph_is_named(self):
        declared = 'param { name: "shards" type: INT default: "4" }\n' + GOOD
        self.refuse(declared, "--param shard", "shards", args=("--param", "shard=1"))
        self.refuse(declared, "shards", "number", "many", args=("--param", "shards=many"))
        self.refuse('param { name: "root" }\n' + GOOD, "root", "--param root=VALUE")

    def test_syntax_error_has_line_and_column(self):
        self.refuse('step {\n  id: "a"\n  input { name "t" literal }\n}', "g.textproto:3:")

    def test_empty_graph_is_refused(self):
        self.refuse("# nothing\n", "no step")

    def test_missing_file_is_named(self):
        self.expect_error(self.weft("run", "gone.textproto"), "gone.textproto", str(self.dir))

    def test_json_says_it_too(self):
        self.write("g.textproto", concat("a", "a"))
        finished = self.expect(self.run_graph("--json"), 2)
        self.assertEqual(finished.json()["status"], "invalid")
        self.assertEqual(finished.json()["exit_code"], 2)
        self.assertIn("g.textproto:1:", finished.json()["error"]["message"])


class BadFlags(weft_cli.WeftTest):
    def setUp(self):
        super().setUp()
        self.write("g.textproto", GOOD)

    def test_unknown_flags_and_bad_values(self):
        self.expect_error(self.run_graph("--worker=2"), "unknown flag --worker", "--workers")
        self.expect_error(self.run_graph("--workers=0"), "--workers", "expected a number from 1", '"0"')
        self.expect_error(self.run_graph("--on-error=never"), "fail-fast or continue")
        self.expect_error(self.weft("rum", "g.textproto", store=False), "did you mean weft run?")
        self.expect_error(self.weft(store=False), "weft help")

    def test_outputs_and_traces_are_checked_before_anything_runs(self):
        self.expect_error(self.run_graph("--output", "a.o=no/folder/f"), "--output a.o", "folder")
        self.expect_error(self.run_graph("--output", "b.o=f"), "--output b.o", '"b"')
        self.expect_error(self.run_graph("--trace", "no/folder/f"), "--trace", "folder")
        self.assertFalse(self.store.exists())

    def test_store_that_is_none_is_refused(self):
        self.write("store/precious.txt", "mine")
        self.expect_error(self.run_graph(), "store", "name another")
        self.assertEqual(os.listdir(self.store), ["precious.txt"])

    def test_store_of_another_format_is_refused_and_not_touched(self):
        self.write("store/format", "weft result store, format 999\n")
        for command in (("run", "g.textproto"), ("cache", "stats"), ("cache", "clear"), ("explain", "a")):
            self.expect_error(self.weft(*command), "format 999", "remove the directory or name another")
        self.assertEqual(os.listdir(self.store), ["format"])

    def test_explain_of_what_never_ran(self):
        self.expect_error(self.weft("explain", "a"), "knows no run of any graph", "weft run it first")
        self.expect(self.run_graph(), 0)
        self.expect_error(self.weft("explain", "b"), 'no step "b"')
        self.expect_error(self.weft("explain", "a", "g.textproto"), "the graph comes first: weft explain g.textproto a")


if __name__ == "__main__":
    unittest.main()
