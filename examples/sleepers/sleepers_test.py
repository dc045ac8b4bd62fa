"""Goal: guests that wait take no worker, and those beyond the pool's size queue.

Method: the real program with one worker. How long it takes is a benchmark (README.md).
"""

import os
import unittest

from tools.testing import weft_cli


class Sleepers(weft_cli.WeftTest):
    def sleep(self, n, ms):
        graph = os.path.realpath(weft_cli.runfile("examples/sleepers/sleepers.textproto"))
        module = weft_cli.runfile("examples/sleepers/sleeper.wasm")
        return self.weft("run", graph, f"--param=module={module}", f"--param=n={n}", f"--param=ms={ms}",
                         "--workers=1", "--json")

    def test_more_than_the_pool_holds_queue_and_all_end(self):
        counts = self.expect(self.sleep(1100, 1), 0).json()["counts"]
        self.assertEqual(counts["executed"], 1100)

    def test_wrong_parameter_fails_the_step(self):
        finished = self.expect(self.sleep(1, 1234567890), 1)
        self.assertIn("1 to 9 digits", finished.err)


if __name__ == "__main__":
    unittest.main()
