"""@wasmtime: Wasmtime's C API from the user's cache folder, or a stand-in where it was not built."""

_BUILD = """package(default_visibility = ["//visibility:public"])

constraint_setting(name = "presence")

# No platform has this value: a target that asks for it is skipped.
constraint_value(
    name = "installed_by_setup",
    constraint_setting = ":presence",
)
"""

_LIBRARY = """
cc_library(
    name = "wasmtime",
    srcs = ["lib/libwasmtime.a"],
    hdrs = glob(["include/**"]),
    features = ["-layering_check", "-parse_headers"],
    includes = ["include"],
    linkopts = ["-lpthread", "-ldl", "-lm"],
)
"""

_STAND_IN = """
cc_library(
    name = "wasmtime",
    target_compatible_with = [":installed_by_setup"],
)
"""

_DEFS = '''"""Generated: whether Wasmtime is on this machine."""

WASMTIME_PRESENT = {present}

# target_compatible_with of every target that needs Wasmtime.
WASMTIME_COMPATIBLE = {compatible}
'''

def _wasmtime_repository_impl(repository_ctx):
    locate = repository_ctx.path(repository_ctx.attr._locate)

    # Read so that a changed pin fetches again.
    for label in repository_ctx.attr._pins:
        repository_ctx.path(label)
    result = repository_ctx.execute([locate])
    if result.return_code != 0:
        fail("looking for Wasmtime: expected third_party/wasmtime/locate to succeed, found: " +
             result.stderr)
    folder = repository_ctx.path(result.stdout.strip())

    # What ./setup built counts even if this shell names another cache folder, unless the pin changed since.
    built = repository_ctx.os.environ.get("WEFT_WASMTIME", "")
    if built.startswith("/") and repository_ctx.path(built).basename == folder.basename:
        folder = repository_ctx.path(built)
    present = (built != "absent" and
               folder.get_child("lib").get_child("libwasmtime.a").exists)
    if present:
        repository_ctx.symlink(folder.get_child("lib"), "lib")
        repository_ctx.symlink(folder.get_child("include"), "include")
    repository_ctx.file("BUILD.bazel", _BUILD + (_LIBRARY if present else _STAND_IN))
    repository_ctx.file("defs.bzl", _DEFS.format(
        present = present,
        compatible = [] if present else ["@wasmtime//:installed_by_setup"],
    ))

wasmtime_repository = repository_rule(
    implementation = _wasmtime_repository_impl,
    attrs = {
        "_locate": attr.label(default = "//third_party/wasmtime:locate"),
        "_pins": attr.label_list(default = [
            "//third_party/wasmtime:Cargo.lock",
            "//third_party/wasmtime:Cargo.toml",
            "//third_party/wasmtime:lib.rs",
        ]),
    },
    configure = True,
    environ = ["HOME", "WEFT_WASMTIME", "XDG_CACHE_HOME"],
    local = True,
    doc = """Wasmtime as ./setup built it.

    ./setup sets WEFT_WASMTIME to the folder that it filled; "absent" hides what is there.""",
)
