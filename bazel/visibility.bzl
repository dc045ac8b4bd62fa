"""Who may depend on a public target."""

# Every package of every repository: Bazel before 6 spells it "//...", later ones "public". (Debian's
# Bazel has no version number to ask for; native.module_name came with 6.)
EVERYBODY = ["public"] if hasattr(native, "module_name") else ["//..."]

def above(package):
    """Visibility of a public target of `package`: higher floors and outside users.

    Packages of the same floor and of lower floors are refused; the floors stand in the root BUILD.bazel.

    Args:
      package: name of the package, e.g. "deque".
    Returns:
      A value for `visibility`.
    """
    return ["//:above_" + package, "//%s:__subpackages__" % package]

def for_tests():
    """Visibility of a testonly target that tests of any floor may use."""
    return ["//visibility:public"]
