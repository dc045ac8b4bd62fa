"""Tests in Python that drive programs of this repository."""

def cli_test(name, data = [], size = "medium", **kwargs):
    """A test of the real `weft`, written with tools/testing/weft_cli.py.

    Not a py_test: Bazel 4's starts a program called `python`, which Debian does not have.

    Args:
      name: of the test; the source is name + ".py".
      data: further files that the test reads.
      size: of the test.
      **kwargs: passed to sh_test, e.g. target_compatible_with.
    """
    native.sh_test(
        name = name,
        size = size,
        srcs = ["//tools/testing:python_test.sh"],
        args = ["$(rootpath %s.py)" % name],
        data = data + [
            name + ".py",
            "//tools:weft",
            "//tools/testing:weft_cli.py",
        ],
        **kwargs
    )
