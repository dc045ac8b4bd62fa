"""Every repository that weft needs, for weft itself and for workspaces that depend on it.

    local_repository(name = "weft", path = "...")
    load("@weft//third_party:deps.bzl", "weft_deps")
    weft_deps()

Each keeps the label layout of its upstream project. A repository that the workspace has declared
before is left alone, so that a newer Abseil or Protobuf can be swapped in.
"""

load("//third_party:system.bzl", "absl_repository", "rival_repository", "system_repository")
load("//third_party/wasmtime:repository.bzl", "wasmtime_repository")

def _maybe(rule, name, **kwargs):
    if not native.existing_rule(name):
        rule(name = name, **kwargs)

def weft_deps():
    """Declares the repositories that the workspace has not declared itself."""

    # What Bazel 4.2.3 itself asks for, from Debian's packages instead of the internet.
    _maybe(
        system_repository,
        name = "rules_cc",
        files = {
            Label("//third_party/bazel:rules_cc.BUILD"): "BUILD.bazel",
            Label("//third_party/bazel:rules_cc_cc.BUILD"): "cc/BUILD.bazel",
            Label("//third_party/bazel:rules_cc_defs.bzl"): "cc/defs.bzl",
        },
    )
    _maybe(native.local_repository, name = "rules_proto", path = "/usr/share/bazel/rules/proto")
    _maybe(native.local_repository, name = "rules_java", path = "/usr/share/bazel/rules/java")
    _maybe(native.local_repository, name = "platforms", path = "/usr/share/bazel/platforms")
    _maybe(native.local_repository, name = "bazel_skylib", path = "/usr/share/bazel/tools/skylib")
    _maybe(
        system_repository,
        name = "remote_coverage_tools",
        files = {Label("//third_party/bazel:coverage.BUILD"): "BUILD.bazel"},
    )

    # Libraries from Debian's packages.
    _maybe(absl_repository, name = "com_google_absl")
    for name, overlay in {
        "cli11": "cli11",
        "com_github_google_benchmark": "benchmark",
        "com_google_googletest": "googletest",
        "curl": "curl",
        "lmdb": "lmdb",
        "nlohmann_json": "nlohmann_json",
        "openssl": "openssl",
        "zstd": "zstd",
    }.items():
        _maybe(
            system_repository,
            name = name,
            files = {Label("//third_party/system:%s.BUILD" % overlay): "BUILD.bazel"},
        )
    _maybe(
        system_repository,
        name = "com_google_protobuf",
        files = {Label("//third_party/system:protobuf.BUILD"): "BUILD.bazel"},
        programs = {"protoc": "protoc"},
    )

    # Rivals of the *_rivals_benchmark targets, from packages that `./setup --rivals` installs.
    for name, (package, header, targets) in {
        "atomic_queue": ("libatomic-queue-dev", "atomic_queue/atomic_queue.h", ["atomic_queue"]),
        "boost": ("libboost-dev", "boost/lockfree/queue.hpp", ["asio", "lockfree"]),
        "concurrentqueue": ("libconcurrentqueue-dev", "concurrentqueue/concurrentqueue.h", ["concurrentqueue"]),
        "onetbb": ("libtbb-dev", "tbb/concurrent_queue.h", ["tbb"]),
        "readerwriterqueue": ("libreaderwriterqueue-dev", "readerwriterqueue/readerwriterqueue.h", ["readerwriterqueue"]),
        "xenium": ("libxenium-dev", "xenium/vyukov_bounded_queue.hpp", ["xenium"]),
    }.items():
        _maybe(
            rival_repository,
            name = name,
            build_file = Label("//third_party/system:%s.BUILD" % name),
            header = header,
            package = package,
            targets = targets,
        )

    # Built by ./setup into the user's cache folder; its targets are skipped where it is absent.
    _maybe(wasmtime_repository, name = "wasmtime")
