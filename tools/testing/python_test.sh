#!/bin/bash
# Runs a Python test of the `unittest` kind: python_test.sh FILE. See cli_test.bzl.
set -euo pipefail
PYTHONPATH=$TEST_SRCDIR/$TEST_WORKSPACE exec python3 -B "$@"
