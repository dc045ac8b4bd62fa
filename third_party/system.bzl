"""Repositories that wrap libraries of the system under the labels of the upstream projects."""

def _system_repository_impl(repository_ctx):
    for label, path in repository_ctx.attr.files.items():
        repository_ctx.symlink(label, path)
    for program, path in repository_ctx.attr.programs.items():
        found = repository_ctx.which(program)
        if not found:
            fail("looking for the program %s: expected it in PATH, found none; run ./setup" % program)
        repository_ctx.symlink(found, path)

system_repository = repository_rule(
    implementation = _system_repository_impl,
    attrs = {
        "files": attr.label_keyed_string_dict(doc = "file of weft -> its path in the repository"),
        "programs": attr.string_dict(doc = "program in PATH -> its path in the repository"),
    },
    doc = "A repository made of BUILD files of weft and programs of the system.",
)

# Upstream label -> pkg-config module, where it is not absl_<target>.
_ABSL_RENAMED = {
    "algorithm:container": "absl_algorithm_container",
    "flags:commandlineflag": "absl_flags_commandlineflag",
    "flags:config": "absl_flags_config",
    "flags:flag": "absl_flags",
    "flags:marshalling": "absl_flags_marshalling",
    "flags:parse": "absl_flags_parse",
    "flags:reflection": "absl_flags_reflection",
    "flags:usage": "absl_flags_usage",
    "random:bit_gen_ref": "absl_random_bit_gen_ref",
    "random:distributions": "absl_random_distributions",
    "random:random": "absl_random_random",
    "random:seed_sequences": "absl_random_seed_sequences",
}

_ABSL_TARGETS = {
    "algorithm": ["algorithm", "container"],
    "base": ["base", "config", "core_headers", "dynamic_annotations", "log_severity"],
    "cleanup": ["cleanup"],
    "container": [
        "btree",
        "fixed_array",
        "flat_hash_map",
        "flat_hash_set",
        "inlined_vector",
        "node_hash_map",
        "node_hash_set",
    ],
    "debugging": ["failure_signal_handler", "leak_check", "stacktrace", "symbolize"],
    "flags": ["commandlineflag", "config", "flag", "marshalling", "parse", "reflection", "usage"],
    "functional": ["any_invocable", "bind_front", "function_ref"],
    "hash": ["hash"],
    "memory": ["memory"],
    "meta": ["type_traits"],
    "numeric": ["bits", "int128"],
    "random": ["bit_gen_ref", "distributions", "random", "seed_sequences"],
    "status": ["status", "statusor"],
    "strings": ["cord", "str_format", "strings"],
    "synchronization": ["synchronization"],
    "time": ["time"],
    "types": ["any", "compare", "optional", "span", "variant"],
    "utility": ["utility"],
}

def _absl_repository_impl(repository_ctx):
    for package, targets in _ABSL_TARGETS.items():
        lines = ['package(default_visibility = ["//visibility:public"])', ""]
        for target in targets:
            module = _ABSL_RENAMED.get(package + ":" + target, "absl_" + target)
            result = repository_ctx.execute(["pkg-config", "--libs-only-l", module])
            if result.return_code != 0:
                fail("looking for Abseil: expected pkg-config to know %s, found %s; run ./setup" %
                     (module, result.stderr.strip()))
            lines += [
                "cc_library(",
                '    name = "%s",' % target,
                "    linkopts = %r," % [f for f in result.stdout.strip().split(" ") if f],
                ")",
                "",
            ]
        repository_ctx.file("absl/%s/BUILD.bazel" % package, "\n".join(lines))

absl_repository = repository_rule(
    implementation = _absl_repository_impl,
    doc = "Abseil of the system, with the libraries of each target as pkg-config gives them.",
)

def _rival_repository_impl(repository_ctx):
    if repository_ctx.path("/usr/include/" + repository_ctx.attr.header).exists:
        repository_ctx.symlink(repository_ctx.attr.build_file, "BUILD.bazel")
        return
    message = ("building a comparison with %s: expected Debian's package %s, found no /usr/include/%s; " +
               "run ./setup --rivals") % (
        repository_ctx.name,
        repository_ctx.attr.package,
        repository_ctx.attr.header,
    )
    repository_ctx.symlink(Label("//third_party/system:absent.bzl"), "absent.bzl")
    lines = [
        'load(":absent.bzl", "absent_library")',
        'package(default_visibility = ["//visibility:public"])',
    ]
    lines += ["absent_library(name = %r, testonly = True, message = %r)" % (target, message) for target in repository_ctx.attr.targets]
    repository_ctx.file("BUILD.bazel", "\n".join(lines) + "\n")

# ./setup changes WEFT_PACKAGES when packages have come or gone, so that the look is taken anew.
rival_repository = repository_rule(
    implementation = _rival_repository_impl,
    attrs = {
        "build_file": attr.label(mandatory = True),
        "header": attr.string(mandatory = True, doc = "below /usr/include; tells whether the package is there"),
        "package": attr.string(mandatory = True, doc = "of Debian"),
        "targets": attr.string_list(mandatory = True, doc = "of build_file"),
    },
    configure = True,
    environ = ["WEFT_PACKAGES"],
    doc = "A library to compare with, which only `manual` targets use: it loads where it is absent, but does not build.",
)
