#!/usr/bin/env python3
"""Prints "PASSED FAILED SKIPPED" for the tests of one `bazel test`, from its --build_event_json_file."""

import json
import sys


def main():
    tests, status, skipped = set(), {}, set()
    with open(sys.argv[1], encoding="utf-8") as events:
        for line in events:
            event = json.loads(line)
            (kind, identity), = event["id"].items()
            label = identity.get("label")
            if kind == "targetConfigured" and event.get("configured", {}).get("testSize"):
                tests.add(label)
            elif kind == "testSummary" and "testSummary" in event:
                status[label] = event["testSummary"].get("overallStatus", "NO_STATUS")
            elif event.get("aborted", {}).get("reason") == "SKIPPED":
                skipped.add(label)
    skipped &= tests
    passed = {label for label in tests if status.get(label) == "PASSED"}
    # A test that has no summary was not built.
    print(len(passed), len(tests - passed - skipped), len(skipped))


if __name__ == "__main__":
    main()
