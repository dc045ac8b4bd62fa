#!/usr/bin/env python3
"""Prints "PASSED FAILED SKIPPED" for the tests of one `bazel test`, from its --build_event_json_file."""

import json
import sys


def main():
    status, skipped = {}, set()
    with open(sys.argv[1], encoding="utf-8") as events:
        for line in events:
            event = json.loads(line)
            if "testSummary" in event["id"] and "testSummary" in event:
                label = event["id"]["testSummary"]["label"]
                status[label] = event["testSummary"].get("overallStatus", "NO_STATUS")
            aborted = event.get("aborted", {}).get("reason")
            label = event["id"].get("targetCompleted", {}).get("label", "")
            if aborted == "SKIPPED" and label.endswith("_test"):
                skipped.add(label)
    passed = sum(value == "PASSED" for value in status.values())
    failed = sum(value != "PASSED" for label, value in status.items() if label not in skipped)
    print(passed, failed, len(skipped))


if __name__ == "__main__":
    main()
