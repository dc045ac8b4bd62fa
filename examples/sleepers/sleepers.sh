#!/bin/bash
# Runs the sleepers with flags of `weft run`. The last line says how long it took.
set -euo pipefail
runfiles=${RUNFILES_DIR:-$0.runfiles}/weft
graph=${BUILD_WORKSPACE_DIRECTORY:-}/examples/sleepers/sleepers.textproto
if [[ ! -f $graph ]]; then graph=$(readlink -f -- "$runfiles/examples/sleepers/sleepers.textproto"); fi
exec "$runfiles/tools/weft" run "$graph" --param "module=$(readlink -f -- "$runfiles/examples/sleepers/sleeper.wasm")" "$@"
