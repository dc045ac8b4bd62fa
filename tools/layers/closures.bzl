"""What the closure of each public target holds: packages of this repository and other repositories.

A user who takes one target must not build, download or link anything else; a change here is a change of what
users get. tools/layers/check.py asserts that every public target has its line.
"""

CLOSURES = {
    "//base:atomics": ["base"],
    "//base:backoff": ["base"],
    "//base:cache_line": ["base"],
    "//base:check": ["base"],
    "//base:instant": [
        "@com_google_absl",
        "base",
    ],
    "//base:intrusive_list": ["base"],
    "//base:mutex": [
        "@com_google_absl",
        "base",
    ],
    "//dag:digest": [
        "@com_google_absl",
        "@openssl",
        "base",
        "dag",
    ],
    "//dag:graph": [
        "@com_google_absl",
        "dag",
    ],
    "//dag:spec": ["dag"],
    "//deque:deque": [
        "base",
        "deque",
    ],
    "//mpmc:bounded_queue": [
        "base",
        "mpmc",
    ],
    "//mpmc:push_result": [
        "base",
        "mpmc",
    ],
    "//mpmc:unbounded_queue": [
        "@com_google_absl",
        "base",
        "mpmc",
    ],
    "//parker:parker": [
        "@com_google_absl",
        "base",
        "parker",
    ],
    "//reactor:epoll_reactor": [
        "@com_google_absl",
        "base",
        "reactor",
    ],
    "//reactor:reactor": [
        "@com_google_absl",
        "base",
        "reactor",
    ],
    "//timer:timer": [
        "@com_google_absl",
        "base",
        "timer",
    ],
}

def closure_tests(name):
    """One test per package that compares the closure of each of its targets with the list above.

    Per package, because Bazel skips a test whose targets it cannot build (Wasmtime is absent, say).

    Args:
      name: the tests are name_PACKAGE_test.
    """
    args = {}
    data = {}
    for target, expected in CLOSURES.items():
        query = name + target.replace("//", "_").replace("/", "_").replace(":", "_")
        native.genquery(
            name = query,
            testonly = True,
            expression = "deps(%s)" % target,
            opts = [
                "--noimplicit_deps",
                "--output=package",
            ],
            scope = [target],
        )
        package = target[len("//"):].split(":")[0].split("/")[0]
        data.setdefault(package, []).append(":" + query)
        args.setdefault(package, []).append(
            "'%s=%s=$(rootpath :%s)'" % (target, ",".join(expected), query),
        )
    for package in args:
        native.sh_test(
            name = "%s_%s_test" % (name, package),
            size = "small",
            srcs = ["closure_test.sh"],
            args = args[package],
            data = data[package],
        )
