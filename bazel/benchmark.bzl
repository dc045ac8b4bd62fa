"""Benchmarks that cannot rot."""

load("@rules_cc//cc:defs.bzl", "cc_binary")

def weft_benchmark(name, srcs, deps = [], tags = [], **kwargs):
    """A Google Benchmark program, and a test that runs each of its benchmarks for an instant.

    Run it with `bazel run --config=bench //pkg:name`; compare it with others by tools/bench/compare.

    Args:
      name: of the program; the test is name + "_smoke_test".
      srcs: sources, without main.
      deps: libraries under test; benchmark_main is added, and the context that says how it was compiled.
      tags: of both, e.g. ["manual"] where it needs a rival; the test has "benchmark" too, by which configurations
        that would learn nothing from it leave it out.
      **kwargs: passed to both, e.g. target_compatible_with.
    """
    cc_binary(
        name = name,
        testonly = True,
        srcs = srcs,
        deps = deps + [
            Label("//tools/bench:context"),
            "@com_github_google_benchmark//:benchmark_main",
        ],
        tags = tags,
        **kwargs
    )
    native.sh_test(
        name = name + "_smoke_test",
        size = "medium",
        srcs = ["//bazel:smoke_test.sh"],
        args = ["$(rootpath :%s)" % name],
        data = [":" + name],
        tags = tags + ["benchmark"],
        **kwargs
    )
