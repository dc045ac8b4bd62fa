#!/bin/sh
# Each argument is TARGET=EXPECTED=FILE: the packages and repositories that FILE, a query's output, holds must be
# exactly the comma-separated EXPECTED ones.
set -eu
failed=0
for argument in "$@"; do
  target=${argument%%=*}
  rest=${argument#*=}
  wanted=$(echo "${rest%%=*}" | tr ',' '\n' | LC_ALL=C sort -u)
  found=$(sed -n -e 's,^\(@[^/]*\)//.*,\1,p' -e '/^@/!{s,^//,,;s,/.*,,;p;}' "${rest#*=}" |
    grep -v -x -e @bazel_tools -e @rules_cc -e bazel -e third_party | LC_ALL=C sort -u)
  if [ "$wanted" != "$found" ]; then
    failed=1
    echo "closure of $target: expected $(echo $wanted), found $(echo $found);" \
      "drop the dependency or change tools/layers/closures.bzl" >&2
  fi
done
if [ $# = 0 ]; then
  echo "closures: expected at least one target, found none; fill tools/layers/closures.bzl" >&2
  failed=1
fi
exit $failed
