#!/bin/sh
# Runs every benchmark of the program $1 for an instant; fails when it fails or has no benchmark.
set -eu
program=$1
names=$("$program" --benchmark_list_tests=true)
if [ -z "$names" ]; then
  echo "smoke test of $program: expected at least one benchmark, found none; register one" >&2
  exit 1
fi
exec "$program" --benchmark_min_time=0.001
