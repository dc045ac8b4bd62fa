"""Examples that are compiled and run like tests."""

load("@rules_cc//cc:defs.bzl", "cc_test")

def weft_example(name, srcs, deps = [], size = "small", **kwargs):
    """A program with a main of its own that `bazel test` runs; it passes when it exits with 0.

    Args:
      name: of the program; `bazel run //pkg:name` shows its output.
      srcs: sources, with main.
      deps: libraries.
      size: of the test.
      **kwargs: passed to cc_test, e.g. args, data, target_compatible_with.
    """
    cc_test(
        name = name,
        size = size,
        srcs = srcs,
        deps = deps,
        **kwargs
    )
