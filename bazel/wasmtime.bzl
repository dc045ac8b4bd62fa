"""What a BUILD file needs to know about Wasmtime."""

load("@wasmtime//:defs.bzl", _WASMTIME_COMPATIBLE = "WASMTIME_COMPATIBLE", _WASMTIME_PRESENT = "WASMTIME_PRESENT")

# target_compatible_with of every target that needs Wasmtime: skipped where ./setup could not build it.
WASMTIME_COMPATIBLE = _WASMTIME_COMPATIBLE

# True where Wasmtime was built.
WASMTIME_PRESENT = _WASMTIME_PRESENT
