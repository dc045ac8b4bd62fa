"""The two C++ toolchains of this repository: Clang 22 (default) and GCC 12 (--config=gcc).

Each is a repository of its own, found by Bazel's own autoconfiguration with a fixed compiler, so
that switching between configurations refetches nothing and does not depend on $CC.
"""

load("@bazel_tools//tools/cpp:lib_cc_configure.bzl", "get_cpu_value")
load("@bazel_tools//tools/cpp:unix_cc_configure.bzl", "configure_unix_toolchain")

def _cc_toolchain_impl(repository_ctx):
    compiler = None
    for candidate in repository_ctx.attr.compilers:
        compiler = repository_ctx.which(candidate)
        if compiler:
            break
    if not compiler:
        fail("looking for a C++ compiler: expected one of %s in PATH, found none; run ./setup" %
             ", ".join(repository_ctx.attr.compilers))
    configure_unix_toolchain(
        repository_ctx,
        get_cpu_value(repository_ctx),
        {"gcc": str(compiler)},
    )

_cc_toolchain = repository_rule(
    implementation = _cc_toolchain_impl,
    attrs = {"compilers": attr.string_list(mandatory = True)},
    configure = True,
    environ = ["PATH"],
)

def weft_toolchains():
    """Declares @weft_clang and @weft_gcc; .bazelrc chooses one. Outside users keep their own."""
    _cc_toolchain(name = "weft_clang", compilers = ["clang-22"])
    _cc_toolchain(name = "weft_gcc", compilers = ["gcc-12", "gcc"])
