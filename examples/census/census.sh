#!/bin/bash
# Runs the census of a directory tree (default: the repository that this was built from) with flags of `weft run`.
set -euo pipefail
runfiles=${RUNFILES_DIR:-$0.runfiles}/weft
# The graph counts its default root from its own place, so it is the file of the source tree that is read.
graph=${BUILD_WORKSPACE_DIRECTORY:-}/examples/census/census.textproto
if [[ ! -f $graph ]]; then graph=$(readlink -f -- "$runfiles/examples/census/census.textproto"); fi
exec "$runfiles/tools/weft" run "$graph" --param "module=$(readlink -f -- "$runfiles/examples/census/count.wasm")" "$@"
