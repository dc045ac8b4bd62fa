#!/usr/bin/env python3
"""Shows that each check of tidy.py finds what it is for, and only that.

Usage: tools/tidy/tidy_test.py. The last line is "N passed, N failed", a planted violation each.
"""

import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import tidy  # noqa: E402

GUARD = "#ifndef WEFT_A_B_H_\n#define WEFT_A_B_H_\n#endif\n"

TAKEN = "namespace weft {\nstruct Taken {\n};\n}  // namespace weft\n"  # stands in another file beside each case

# name of the check, a file that breaks its rule, and a file that keeps it
CASES = (
    (tidy.check_file_length, "a/b.cc", "\n" * 401, "\n" * 400),
    (tidy.check_columns, "a/b.cc", "x" * 101 + "\n", "x" * 100 + "\n"),
    (tidy.check_forbidden, "a/b.cc", "// TODO: later\n", "// to do is to be\n"),
    (tidy.check_forbidden, "a/b.cc", "#if 0\n", "#if 01\n"),
    (tidy.check_forbidden, "a/BUILD.bazel", "flaky = True,\n", "flaky = False,\n"),
    (tidy.check_sleeps, "a/b_test.cc", "std::this_thread::sleep_for(x);\n", "clock.Advance(x);\n"),
    (tidy.check_guards, "a/b.h", GUARD.replace("A_B", "B"), GUARD),
    (tidy.check_types, "a/c.h", "namespace weft {\nstruct Taken {\n",
     "namespace weft {\nstruct Taken;\nstruct Free {\n"),
    (tidy.check_types, "a/c.h", "namespace weft {\nclass Taken final : public Base {\n",
     "namespace weft {\nnamespace {\nstruct Taken {\n"),
    (tidy.check_orders, "a/b.cc", "x.load(std::memory_order_acquire);\n",
     "x.load(std::memory_order_acquire);  // (1)\n"),
    (tidy.check_snippets, "a/README.md", "```cpp\nint x;\nint y;\n```\n", "text\n"),
    (tidy.check_links, "a/README.md", "[gone](nowhere.md)\n", "[here](README.md)\n"),
    (tidy.check_cancel_safety, "a/b.h", "Poll<int> poll(Context& cx);\n",
     "//   Cancellation     Nothing is lost.\nPoll<int> poll(Context& cx);\n"),
    (tidy.check_cancel_safety, "a/b.h", "// Cancel it.\nPoll<std::optional<int>> poll_next(Context& cx);\n",
     "// Cancellation: stops at once.\nPoll<std::optional<int>> poll_next(Context& cx);\n"),
    (tidy.check_cancel_safety, "a/b.h", "Task<int> Count(File file);\n",
     "// Cancellation: stops at once.\nTask<int> Count(File file);\n"),
    (tidy.check_everywhere, "future/new.h", "Poll<int> poll(Context& cx);\n", "int Count();\n"),
    (tidy.check_places, "a/b.cc", "// see /home/someone/notes\n", "// see ~/notes\n"),
)


def messages(check, path, content):
    with tempfile.TemporaryDirectory() as root:
        subprocess.run(["git", "init", "-q", root], check=True)
        file = pathlib.Path(root, path)
        file.parent.mkdir(parents=True)
        pathlib.Path(root, "a").mkdir(exist_ok=True)
        file.write_text(content)
        pathlib.Path(root, "a/example.cc").write_text("int y;\nint x;\n" + TAKEN)
        return list(check(tidy.Tree(root)))


def all_packages_missing(check):
    with tempfile.TemporaryDirectory() as root:
        subprocess.run(["git", "init", "-q", root], check=True)
        return list(check(tidy.Tree(root)))


def main():
    results = []
    for check, path, bad, good in CASES:
        results.append((f"{check.__name__} refuses {bad[:40]!r}", bool(messages(check, path, bad))))
        results.append((f"{check.__name__} accepts {good[:40]!r}", not messages(check, path, good)))
    for check in (tidy.check_readmes, tidy.check_families):
        results.append((f"{check.__name__} refuses an empty repository", bool(all_packages_missing(check))))
    for name, holds in results:
        if not holds:
            print(f"FAILED  {name}")
    failed = sum(not holds for _, holds in results)
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
