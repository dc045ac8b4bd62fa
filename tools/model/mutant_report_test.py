"""Shows that mutant_report.py refuses what it is for: a place without a mutant, a survivor, a package without a table."""

import pathlib
import tempfile
import unittest

from tools.model import mutant_report

SOURCE = """\
  // memory_order_acquire in a comment is no access
  x.store(1, std::memory_order_relaxed);
  x.store(2, std::memory_order_release);  // (1)
  if (x.compare_exchange_strong(a, b,
                                std::memory_order_acquire,
                                std::memory_order_relaxed)) {  // (2)
"""
HEADER = "place            | mutant                   | caught by | executions\n"
STORE = "x.h:3 Publish    | store release -> relaxed | Delivers  | 3\n"
EXCHANGE = "x.h:4 Take       | CAS acquire -> relaxed   | Takes     | 12\n"


class MutantReportTest(unittest.TestCase):

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.root = pathlib.Path(self.folder.name)
        self.put("p/internal/x.h", SOURCE)
        self.put("p/x_test.cc", "y.load(std::memory_order_acquire);\n")

    def put(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def check(self, log=None):
        if log is not None:
            self.put("logs/p/x_model_test/test.log", log)
        return mutant_report.check(self.root, self.root / "logs", "p", show=lambda line: None)

    def test_passes_where_every_place_has_a_mutant_that_is_caught(self):
        self.assertEqual(self.check(HEADER + STORE + EXCHANGE), (2, []))

    def test_refuses_a_place_without_a_mutant(self):
        passed, failures = self.check(HEADER + STORE)
        self.assertEqual(passed, 1)
        self.assertEqual(len(failures), 1)
        self.assertIn("p/internal/x.h:4: this order, barrier or re-check has no mutant", failures[0])

    def test_refuses_a_survivor(self):
        _, failures = self.check(HEADER + STORE + EXCHANGE.replace("Takes", "-    "))
        self.assertEqual(failures, ["p: no scenario catches x.h:4 CAS acquire -> relaxed"])

    def test_refuses_a_package_without_a_table(self):
        passed, failures = self.check()
        self.assertEqual(passed, 0)
        self.assertIn("run `bazel test //p/...` first", failures[0])


if __name__ == "__main__":
    unittest.main()
