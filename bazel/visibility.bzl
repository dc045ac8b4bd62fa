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
    """Visibility of a testonly target that tests of any floor may use.

    A test that needs something of the same or a higher floor (a nursery that runs on the runtime, say)
    depends on a testonly target of that package which says for_tests(), and includes that target's header:

        cc_library(
            name = "testing",
            testonly = True,
            hdrs = ["testing.h"],  # includes "runtime/runtime.h"
            visibility = for_tests(),
            deps = [":runtime"],
        )

    Libraries cannot: Bazel refuses a testonly dependency of a target that is not testonly.
    """
    return ["//visibility:public"]
