"""What the closure of each public target holds: packages of this repository and other repositories.

A user who takes one target must not build, download or link anything else; a change here is a change of what
users get. tools/layers/check.py asserts that every public target has its line.
"""

CLOSURES = {
    "//base:asymmetric_barrier": ["base"],
    "//base:atomics": ["base"],
    "//base:backoff": ["base"],
    "//base:barrier_pair": ["base"],
    "//base:biased_lock": ["base"],
    "//base:cache_line": ["base"],
    "//base:check": ["base"],
    "//base:instant": [
        "@com_google_absl",
        "base",
    ],
    "//base:intrusive_list": ["base"],
    "//base:latency_histogram": [
        "@com_google_absl",
        "base",
    ],
    "//base:mutex": [
        "@com_google_absl",
        "base",
    ],
    "//base:owner_counter": ["base"],
    "//base:thread_checker": ["base"],
    "//channel:channel": [
        "@com_google_absl",
        "base",
        "channel",
        "future",
    ],
    "//channel:oneshot": [
        "@com_google_absl",
        "base",
        "channel",
        "future",
    ],
    "//channel:outcome": [
        "base",
        "channel",
    ],
    "//dag:blob": [
        "@com_google_absl",
        "@openssl",
        "base",
        "dag",
        "future",
    ],
    "//dag:builtin": [
        "@com_google_absl",
        "@openssl",
        "base",
        "dag",
        "future",
    ],
    "//dag:digest": [
        "@com_google_absl",
        "@openssl",
        "base",
        "dag",
    ],
    "//dag:execute": [
        "@com_google_absl",
        "@lmdb",
        "@openssl",
        "base",
        "dag",
        "future",
        "nursery",
        "sync",
    ],
    "//dag:flight_table": [
        "@com_google_absl",
        "@openssl",
        "base",
        "dag",
        "future",
        "sync",
    ],
    "//dag:function": [
        "@com_google_absl",
        "@openssl",
        "base",
        "dag",
        "future",
    ],
    "//dag:graph": [
        "@com_google_absl",
        "dag",
    ],
    "//dag:graph_cc_proto": ["dag"],
    "//dag:plain_function": [
        "@com_google_absl",
        "@openssl",
        "base",
        "dag",
        "future",
    ],
    "//dag:process": [
        "@com_google_absl",
        "@openssl",
        "base",
        "dag",
        "future",
        "io",
        "reactor",
    ],
    "//dag:proto": [
        "@com_google_absl",
        "@com_google_protobuf",
        "dag",
    ],
    "//dag:result": [
        "@com_google_absl",
        "@openssl",
        "base",
        "dag",
    ],
    "//dag:run_report": [
        "@com_google_absl",
        "@openssl",
        "base",
        "dag",
        "future",
    ],
    "//dag:spec": ["dag"],
    "//dag:store": [
        "@com_google_absl",
        "@lmdb",
        "@openssl",
        "base",
        "dag",
    ],
    "//dag:tree": [
        "@com_google_absl",
        "@openssl",
        "base",
        "dag",
    ],
    "//deque:deque": [
        "base",
        "deque",
    ],
    "//deque:fork_stack": [
        "base",
        "deque",
    ],
    "//deque:injector": [
        "base",
        "deque",
    ],
    "//deque:steal_result": ["deque"],
    "//future:and_then": [
        "@com_google_absl",
        "base",
        "future",
    ],
    "//future:async_generator": [
        "@com_google_absl",
        "base",
        "future",
    ],
    "//future:any_future": [
        "@com_google_absl",
        "base",
        "future",
    ],
    "//future:any_stream": [
        "@com_google_absl",
        "base",
        "future",
    ],
    "//future:await_chain": [
        "@com_google_absl",
        "future",
    ],
    "//future:block_on": [
        "@com_google_absl",
        "base",
        "future",
        "parker",
    ],
    "//future:buffered": [
        "@com_google_absl",
        "base",
        "future",
    ],
    "//future:cancel": [
        "@com_google_absl",
        "base",
        "future",
    ],
    "//future:context": [
        "@com_google_absl",
        "base",
        "future",
    ],
    "//future:contract": [
        "@com_google_absl",
        "base",
        "future",
    ],
    "//future:executor": [
        "@com_google_absl",
        "base",
        "future",
    ],
    "//future:finally": [
        "@com_google_absl",
        "base",
        "future",
    ],
    "//future:first_success": [
        "@com_google_absl",
        "base",
        "future",
    ],
    "//future:flatten_unordered": [
        "@com_google_absl",
        "base",
        "future",
    ],
    "//future:fork_join": [
        "@com_google_absl",
        "base",
        "deque",
        "future",
    ],
    "//future:fork_queue": [
        "@com_google_absl",
        "base",
        "deque",
        "future",
    ],
    "//future:frame_cache": [
        "@com_google_absl",
        "base",
        "future",
    ],
    "//future:from_futures": [
        "@com_google_absl",
        "base",
        "future",
    ],
    "//future:fuse": [
        "@com_google_absl",
        "base",
        "future",
    ],
    "//future:future": [
        "@com_google_absl",
        "base",
        "future",
    ],
    "//future:futures_unordered": [
        "@com_google_absl",
        "base",
        "future",
    ],
    "//future:lazy": [
        "@com_google_absl",
        "base",
        "future",
    ],
    "//future:map": [
        "@com_google_absl",
        "base",
        "future",
    ],
    "//future:or_else": [
        "@com_google_absl",
        "base",
        "future",
    ],
    "//future:or_return": [
        "@com_google_absl",
        "future",
    ],
    "//future:peekable": [
        "@com_google_absl",
        "base",
        "future",
    ],
    "//future:poll": [
        "base",
        "future",
    ],
    "//future:poll_fn": [
        "@com_google_absl",
        "base",
        "future",
    ],
    "//future:process_counts": [
        "@com_google_absl",
        "base",
        "future",
    ],
    "//future:promise": [
        "@com_google_absl",
        "base",
        "future",
    ],
    "//future:race": [
        "@com_google_absl",
        "base",
        "future",
    ],
    "//future:retry": [
        "@com_google_absl",
        "base",
        "future",
    ],
    "//future:retry_items": [
        "@com_google_absl",
        "base",
        "future",
    ],
    "//future:retry_budget": [
        "base",
        "future",
    ],
    "//future:run_next": [
        "@com_google_absl",
        "base",
        "future",
    ],
    "//future:select": [
        "@com_google_absl",
        "base",
        "future",
    ],
    "//future:shared": [
        "@com_google_absl",
        "base",
        "future",
    ],
    "//future:sleep": [
        "@com_google_absl",
        "base",
        "future",
    ],
    "//future:spawn": [
        "@com_google_absl",
        "base",
        "future",
    ],
    "//future:stream": [
        "@com_google_absl",
        "base",
        "future",
    ],
    "//future:several_streams": [
        "@com_google_absl",
        "base",
        "future",
    ],
    "//future:stream_limits": [
        "@com_google_absl",
        "base",
        "future",
    ],
    "//future:try_items": [
        "@com_google_absl",
        "base",
        "future",
    ],
    "//future:stream_ops": [
        "@com_google_absl",
        "base",
        "future",
    ],
    "//future:stop_token": [
        "@com_google_absl",
        "base",
        "future",
    ],
    "//future:task": [
        "@com_google_absl",
        "base",
        "future",
    ],
    "//future:task_dump": [
        "@com_google_absl",
        "base",
        "future",
    ],
    "//future:task_dump_json": [
        "@com_google_absl",
        "@nlohmann_json",
        "base",
        "future",
    ],
    "//future:task_id": [
        "@com_google_absl",
        "future",
    ],
    "//future:task_ledger": ["future"],
    "//future:task_local": [
        "@com_google_absl",
        "base",
        "future",
    ],
    "//future:task_registry": [
        "@com_google_absl",
        "base",
        "future",
    ],
    "//future:ticks": [
        "@com_google_absl",
        "base",
        "future",
        "timer",
    ],
    "//future:timeout": [
        "@com_google_absl",
        "base",
        "future",
    ],
    "//future:try": [
        "@com_google_absl",
        "base",
        "future",
    ],
    "//future:waiter": [
        "@com_google_absl",
        "base",
        "future",
    ],
    "//future:virtual_timers": [
        "@com_google_absl",
        "base",
        "future",
    ],
    "//future:waker": ["future"],
    "//future:when_all": [
        "@com_google_absl",
        "base",
        "future",
    ],
    "//io:blocking_file": [
        "@com_google_absl",
        "base",
        "io",
    ],
    "//io:dump_on_signal": [
        "@com_google_absl",
        "base",
        "future",
        "io",
        "reactor",
    ],
    "//io:file": [
        "@com_google_absl",
        "base",
        "future",
        "io",
    ],
    "//io:http": [
        "@com_google_absl",
        "@curl",
        "base",
        "future",
        "io",
        "reactor",
    ],
    "//io:process": [
        "@com_google_absl",
        "base",
        "future",
        "io",
        "reactor",
    ],
    "//io:signal": [
        "@com_google_absl",
        "base",
        "future",
        "io",
        "reactor",
    ],
    "//mpmc:blocking_queue": [
        "@com_google_absl",
        "base",
        "mpmc",
        "parker",
    ],
    "//mpmc:bounded_queue": [
        "base",
        "mpmc",
    ],
    "//mpmc:bulk_result": [
        "base",
        "mpmc",
    ],
    "//mpmc:byte_bounded_queue": [
        "base",
        "mpmc",
    ],
    "//mpmc:intrusive_mpsc_queue": [
        "base",
        "mpmc",
    ],
    "//mpmc:pop_result": [
        "base",
        "mpmc",
    ],
    "//mpmc:push_result": [
        "base",
        "mpmc",
    ],
    "//mpmc:queue_shape": ["mpmc"],
    "//mpmc:spsc_queue": [
        "base",
        "mpmc",
    ],
    "//mpmc:unbounded_queue": [
        "@com_google_absl",
        "base",
        "mpmc",
    ],
    "//nursery:nursery": [
        "@com_google_absl",
        "base",
        "future",
        "nursery",
    ],
    "//nursery:wait_all": [
        "@com_google_absl",
        "base",
        "future",
        "nursery",
    ],
    "//nursery:wait_any": [
        "@com_google_absl",
        "base",
        "future",
        "nursery",
    ],
    "//parker:event_count": [
        "@com_google_absl",
        "base",
        "parker",
    ],
    "//parker:park_site": [
        "@com_google_absl",
        "base",
        "parker",
    ],
    "//parker:park_stats": [
        "@com_google_absl",
        "base",
        "parker",
    ],
    "//parker:parker": [
        "@com_google_absl",
        "base",
        "parker",
    ],
    "//parker:riding_event_count": [
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
    "//reactor:simulated_reactor": [
        "@com_google_absl",
        "base",
        "reactor",
    ],
    "//runtime:any_runtime": [
        "@com_google_absl",
        "base",
        "future",
        "reactor",
        "runtime",
    ],
    "//runtime:deterministic_runtime": [
        "@com_google_absl",
        "base",
        "deque",
        "future",
        "reactor",
        "runtime",
    ],
    "//runtime:fork_join": [
        "@com_google_absl",
        "base",
        "deque",
        "future",
        "mpmc",
        "parker",
        "reactor",
        "runtime",
        "timer",
    ],
    "//runtime:metrics": [
        "@com_google_absl",
        "base",
        "future",
        "runtime",
    ],
    "//runtime:observe": [
        "@com_google_absl",
        "base",
        "future",
        "runtime",
    ],
    "//runtime:parallel_sort": [
        "@com_google_absl",
        "base",
        "deque",
        "future",
        "mpmc",
        "parker",
        "reactor",
        "runtime",
        "timer",
    ],
    "//runtime:parallelism": [
        "@com_google_absl",
        "runtime",
    ],
    "//runtime:runtime": [
        "@com_google_absl",
        "base",
        "deque",
        "future",
        "mpmc",
        "parker",
        "reactor",
        "runtime",
        "timer",
    ],
    "//runtime:single_thread_runtime": [
        "@com_google_absl",
        "base",
        "future",
        "parker",
        "reactor",
        "runtime",
        "timer",
    ],
    "//runtime:stats": [
        "@com_google_absl",
        "base",
        "runtime",
    ],
    "//runtime:trace": [
        "@com_google_absl",
        "@nlohmann_json",
        "base",
        "future",
        "runtime",
    ],
    "//runtime:trace_json": [
        "@nlohmann_json",
        "runtime",
    ],
    "//sync:async_mutex": [
        "@com_google_absl",
        "base",
        "future",
        "sync",
    ],
    "//sync:notify": [
        "@com_google_absl",
        "base",
        "future",
        "sync",
    ],
    "//sync:semaphore": [
        "@com_google_absl",
        "base",
        "future",
        "sync",
    ],
    "//sync:spawn_gate": [
        "@com_google_absl",
        "base",
        "future",
        "parker",
        "sync",
    ],
    "//timer:interval": [
        "@com_google_absl",
        "base",
        "timer",
    ],
    "//timer:manual_clock": [
        "@com_google_absl",
        "base",
        "timer",
    ],
    "//timer:shared_timer_wheel": [
        "@com_google_absl",
        "base",
        "timer",
    ],
    "//timer:timer": [
        "@com_google_absl",
        "base",
        "timer",
    ],
    "//wasm_host:clock": [
        "@com_google_absl",
        "base",
        "future",
        "wasm_host",
    ],
    "//wasm_host:data": [
        "@com_google_absl",
        "base",
        "future",
        "wasm_host",
    ],
    "//wasm_host:engine": [
        "@com_google_absl",
        "@openssl",
        "@wasmtime",
        "base",
        "future",
        "wasm_host",
    ],
    "//wasm_host:engine_options": [
        "@com_google_absl",
        "wasm_host",
    ],
    "//wasm_host:error": [
        "@com_google_absl",
        "wasm_host",
    ],
    "//wasm_host:fs_read": [
        "@com_google_absl",
        "@openssl",
        "base",
        "future",
        "wasm_host",
    ],
    "//wasm_host:grants": ["wasm_host"],
    "//wasm_host:guest": [
        "@com_google_absl",
        "@openssl",
        "@wasmtime",
        "base",
        "future",
        "wasm_host",
    ],
    "//wasm_host:guest_io": [
        "@com_google_absl",
        "base",
        "future",
        "wasm_host",
    ],
    "//wasm_host:guest_options": [
        "@com_google_absl",
        "wasm_host",
    ],
    "//wasm_host:host_call": [
        "@com_google_absl",
        "wasm_host",
    ],
    "//wasm_host:host_function": [
        "@com_google_absl",
        "base",
        "future",
        "wasm_host",
    ],
    "//wasm_host:http_fetch": [
        "@com_google_absl",
        "@curl",
        "base",
        "future",
        "io",
        "reactor",
        "wasm_host",
    ],
    "//wasm_host:log_write": [
        "@com_google_absl",
        "base",
        "future",
        "wasm_host",
    ],
    "//wasm_host:registry": [
        "@com_google_absl",
        "base",
        "future",
        "wasm_host",
    ],
    "//wasm_host:step": [
        "@com_google_absl",
        "@openssl",
        "@wasmtime",
        "base",
        "dag",
        "future",
        "wasm_host",
    ],
    "//wasm_host:value": ["wasm_host"],
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
