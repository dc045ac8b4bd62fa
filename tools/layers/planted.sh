#!/bin/bash
# Shows that each enforcer of the layers and of the build's rules refuses what it is there for: in a copy of the
# repository it plants one violation after the other and expects the right refusal.
#
# Usage: tools/layers/planted.sh    $WEFT_PLANTED: folder for the copy and its output base (default: the user's cache)
# The last line is "N passed, N failed".
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.."

readonly SCRATCH=${WEFT_PLANTED:-${XDG_CACHE_HOME:-$HOME/.cache}/weft/planted}
readonly COPY=$SCRATCH/weft
passed=0
failed=0

main() {
  copy_repository
  export BAZEL_STARTUP="--output_base=$SCRATCH/output --host_jvm_args=-Xmx700m --max_idle_secs=15"

  accepts "the layers as they are" tools/layers/check.py
  expects "visibility refuses an upward edge" "is not visible from target" \
    build_with deque '//future:future'
  expects "visibility refuses a sideways edge" "is not visible from target" \
    build_with deque '//mpmc:bounded_queue'
  expects "visibility refuses a package's internals" "is not visible from target" \
    build_with_planted timer '' runtime
  expects "visibility refuses tools to a library" "is not visible from target" \
    build_with_planted tools 'visibility = ["//:above_tools"],' dag
  expects "a library cannot use what only tests may" "depends on testonly target" \
    build_with deque '@com_google_googletest//:gtest'
  expects "edges.txt refuses a new third-party edge" "a new edge channel -> @curl" \
    check_with channel '@curl//:curl' ''
  expects "edges.txt refuses a new edge between packages" "a new edge sync -> mpmc" \
    check_with sync '//mpmc:bounded_queue' ''
  expects "edges.txt refuses a line without an edge" "no target has the edge base -> @lmdb any more" \
    check_with_line 'base -> @lmdb: planted'
  expects "floors refuse an edge that visibility would let pass" "expected an edge to a lower floor" \
    check_with base '//deque:deque' ''
  expects "includes refuse a system header without its dependency" "includes lmdb.h, expected @lmdb//:lmdb" \
    check_with timer '' '#include <lmdb.h>'
  expects "includes refuse Abseil's header without its target" "expected @com_google_absl//absl/strings:strings" \
    check_with timer '' '#include "absl/strings/str_cat.h"'
  expects "targets refuse a public target without a closure" "does not say what its closure holds" \
    check_with_public timer
  expects "targets refuse a file of no target" "timer/planted_orphan.cc: belongs to no target" \
    check_with_orphan timer
  expects "layering_check refuses an include of a transitive dependency" "does not depend on a module exporting" \
    compile_with '#include "planted/planted_a.h"' ':planted_b'
  expects "parse_headers refuses a header that needs another one" "no member named|undeclared|no type named|expected" \
    compile_header_with 'inline std::string Planted() { return {}; }'
  expects "warnings are errors" "-Werror,-Wshadow" \
    compile_with 'int Planted(int x) { { int x = 1; static_cast<void>(x); } return x; }' ''
  expects "an unguarded access is an error" "-Werror,-Wthread-safety" \
    compile_with '#include "base/mutex.h"
weft::Mutex planted_mutex; int planted ABSL_GUARDED_BY(planted_mutex); int Planted() { return planted; }' \
    '//base:mutex", "@com_google_absl//absl/base:core_headers'

  bazel $BAZEL_STARTUP shutdown > /dev/null 2>&1 || true
  echo "$passed passed, $failed failed"
  [[ $failed == 0 ]]
}

# A copy of what git would commit. Files that did not change keep their times, so that Bazel rebuilds nothing.
copy_repository() {
  mkdir -p "$COPY"
  git ls-files -z --cached --others --exclude-standard | sort -z > "$SCRATCH/files"
  python3 - "$SCRATCH/files" "$COPY" << 'PYTHON'
import filecmp, os, pathlib, shutil, sys
names = [n for n in pathlib.Path(sys.argv[1]).read_text().split("\0") if n and os.path.isfile(n)]
copy = pathlib.Path(sys.argv[2])
for folder, folders, files in os.walk(copy):
    folders[:] = [f for f in folders if not f.startswith("bazel-")]
    for file in files:
        path = pathlib.Path(folder) / file
        if str(path.relative_to(copy)) not in names:
            path.unlink()
for name in names:
    to = copy / name
    if not to.exists() or not filecmp.cmp(name, to, shallow=False):
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(name, to)
PYTHON
  if [[ -f .bazelrc.user ]]; then cp .bazelrc.user "$COPY/"; fi
  git -C "$COPY" init -q 2> /dev/null || true
}

bazel_in_copy() { (cd "$COPY" && bazel $BAZEL_STARTUP "$@" 2>&1); }

# The output is kept and shown only on a surprise.
accepts() {
  local what=$1 output
  shift
  if output=$(cd "$COPY" && "$@" 2>&1); then
    passed=$((passed + 1))
    echo "ok: $what"
  else
    failed=$((failed + 1))
    printf 'FAILED: %s: expected to be accepted, found:\n%s\n' "$what" "$output"
  fi
}

# Runs a command that plants something and must be refused with a message that matches the pattern.
expects() {
  local what=$1 pattern=$2 output status=0
  shift 2
  output=$("$@" 2>&1) || status=$?
  restore
  if [[ $status != 0 ]] && grep -qE -- "$pattern" <<< "$output"; then
    passed=$((passed + 1))
    echo "ok: $what"
  else
    failed=$((failed + 1))
    printf 'FAILED: %s: expected a refusal that says "%s", found exit code %s and:\n%s\n' \
      "$what" "$pattern" "$status" "$(tail -n 20 <<< "$output")"
  fi
}

plant_file() { # path text
  mkdir -p "$(dirname "$COPY/$1")"
  if [[ -e $COPY/$1 && ! -e $COPY/$1.kept ]]; then cp -p "$COPY/$1" "$COPY/$1.kept"; fi
  printf '%s\n' "$2" >> "$COPY/$1"
}

restore() {
  local kept
  rm -rf "$COPY/planted"
  find "$COPY" -name 'planted_*' -not -path '*/bazel-*' -delete
  while IFS= read -r -d '' kept; do mv -f "$kept" "${kept%.kept}"; done \
    < <(find "$COPY" -name '*.kept' -not -path '*/bazel-*' -print0)
}

# Adds //PACKAGE:planted_library with the deps and the text of its one source.
plant_library() { # package deps text [attributes]
  local dep=''
  if [[ -n $2 ]]; then dep="\"$2\""; fi
  plant_file "$1/BUILD.bazel" "
load(\"@rules_cc//cc:defs.bzl\", \"cc_library\")
load(\"//bazel:visibility.bzl\", \"above\")

cc_library(
    name = \"planted_library\",
    srcs = [\"planted_library.cc\"],
    ${4:-}
    deps = [$dep],
)"
  plant_file "$1/planted_library.cc" "$3"
}

build_with() { # package dep
  plant_library "$1" "$2" ""
  bazel_in_copy build --nobuild "//$1:planted_library"
}

# A target of the first package, with the attributes given, used by the second package.
build_with_planted() { # package attributes user
  plant_library "$1" "" "" "$2"
  build_with "$3" "//$1:planted_library"
}

check_with() { # package dep text
  plant_library "$1" "$2" "$3"
  (cd "$COPY" && tools/layers/check.py)
}

check_with_line() {
  plant_file tools/layers/edges.txt "$1"
  (cd "$COPY" && tools/layers/check.py)
}

check_with_public() {
  plant_library "$1" "" "" "visibility = above(\"$1\"),"
  (cd "$COPY" && tools/layers/check.py)
}

check_with_orphan() {
  plant_file "$1/planted_orphan.cc" ""
  (cd "$COPY" && git add "$1/planted_orphan.cc" && tools/layers/check.py)
}

# //planted: a depends on nothing, b on a, and the library under test on what is given.
plant_package() { # attribute file dep
  local dep=''
  if [[ -n $3 ]]; then dep="\"$3\""; fi
  plant_file planted/BUILD.bazel "load(\"@rules_cc//cc:defs.bzl\", \"cc_library\")

cc_library(name = \"planted_a\", hdrs = [\"planted_a.h\"])

cc_library(name = \"planted_b\", hdrs = [\"planted_b.h\"], deps = [\":planted_a\"])

cc_library(name = \"planted_library\", $1 = [\"$2\"], deps = [$dep])"
  plant_file planted/planted_a.h 'inline int A() { return 1; }'
  plant_file planted/planted_b.h '#include "planted/planted_a.h"'
}

compile_with() { # text dep
  plant_package srcs planted_library.cc "$2"
  plant_file planted/planted_library.cc "$1"
  bazel_in_copy build //planted:planted_library
}

compile_header_with() { # text
  plant_package hdrs planted_library.h ""
  plant_file planted/planted_library.h "$1"
  bazel_in_copy build //planted:planted_library
}

main
