"""WebAssembly guests written in C."""

# The include path of weft itself in another workspace, where its files lie below external/.
_WEFT_INCLUDES = ["-I" + root for root in [Label("//bazel:guest.bzl").workspace_root] if root]

def weft_guest(name, srcs, hdrs = [], copts = [], visibility = None, testonly = False):
    """Compiles C sources to the module name + ".wasm" (wasm32, freestanding, no WASI).

    Functions are exported with __attribute__((export_name("..."))); whatever is not defined must be an
    import declared with import_module and import_name.

    Args:
      name: of the target; the file is name + ".wasm".
      srcs: C sources.
      hdrs: headers they include, by path from the root (labels, e.g. "//wasm_host:weft_guest.h").
      copts: further compiler options.
      visibility: as for any target.
      testonly: as for any target.
    """
    native.genrule(
        name = name,
        testonly = testonly,
        srcs = srcs + hdrs,
        outs = [name + ".wasm"],
        cmd = " ".join([
            "clang-22 --target=wasm32-unknown-unknown -std=c17 -O2 -ffreestanding -nostdlib",
            "-mbulk-memory -Wall -Wextra -Werror -fvisibility=hidden -I.",
            "-Wl,--no-entry -Wl,--strip-debug -Wl,--stack-first -Wl,-z,stack-size=65536",
        ] + _WEFT_INCLUDES + copts + ["-o $@"] + ["$(locations %s)" % src for src in srcs]),
        message = "Compiling WebAssembly guest",
        visibility = visibility,
    )
