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
    _add_parse_headers(repository_ctx)

# Bazel 4.2.3 knows the feature parse_headers, but its toolchain for Unix does not declare it, and
# then silently parses nothing. The header is compiled as a source file of its own.
_PARSE_HEADERS = """feature(
            name = "parse_headers",
            flag_sets = [
                flag_set(
                    actions = [ACTION_NAMES.cpp_header_parsing],
                    flag_groups = [flag_group(flags = [
                        "-xc++",
                        "-Wno-pragma-once-outside-header",
                        "-Wno-unused-const-variable",
                        "-Wno-unused-function",
                    ])],
                ),
            ],
        ),
        """

_ANCHOR = """feature(name = "module_maps", enabled = True),"""

def _add_parse_headers(repository_ctx):
    config = "cc_toolchain_config.bzl"
    if "parse_headers" in repository_ctx.read(config):
        return
    _replace(repository_ctx, config, _ANCHOR, _PARSE_HEADERS + _ANCHOR)
    _replace(
        repository_ctx,
        "BUILD",
        "supports_param_files = 1,",
        "supports_header_parsing = 1,\n    supports_param_files = 1,",
    )

def _replace(repository_ctx, path, old, new):
    text = repository_ctx.read(path)
    if old not in text:
        fail("adding parse_headers to Bazel's toolchain: expected to find %r in %s, found none; " %
             (old, path) + "adapt bazel/toolchains.bzl to this version of Bazel")
    repository_ctx.delete(path)
    repository_ctx.file(path, text.replace(old, new), executable = False)

# The toolchain lists the headers of the system for layering_check. ./setup changes WEFT_PACKAGES when packages
# have come or changed, so that the list is made anew.
_cc_toolchain = repository_rule(
    implementation = _cc_toolchain_impl,
    attrs = {"compilers": attr.string_list(mandatory = True)},
    configure = True,
    environ = ["PATH", "WEFT_PACKAGES"],
)

def weft_toolchains():
    """Declares @weft_clang and @weft_gcc; .bazelrc chooses one. Outside users keep their own."""
    _cc_toolchain(name = "weft_clang", compilers = ["clang-22"])
    _cc_toolchain(name = "weft_gcc", compilers = ["gcc-12", "gcc"])
