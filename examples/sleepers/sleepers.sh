#!/bin/bash
# Runs the sleepers with flags of `weft run`. The last line says how long it took.
set -euo pipefail
runfiles=${RUNFILES_DIR:-$0.runfiles}/weft
exec "$runfiles/tools/weft" run "$(readlink -f -- "$runfiles/examples/sleepers/sleepers.textproto")" \
  --param "module=$(readlink -f -- "$runfiles/examples/sleepers/sleeper.wasm")" "$@"
