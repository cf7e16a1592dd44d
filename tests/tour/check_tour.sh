#!/bin/bash
# Runs scripts/quickstart with the programs of a build and looks at what a person would look at.
# Usage: check_tour.sh SOURCE_DIR BUILD_DIR     exit 77: this host cannot enforce the sandbox
set -euo pipefail
source=$1 build=$2
scratch=$(mktemp -d)
trap 'chmod -R u+w "$scratch"; rm -rf "$scratch"' EXIT

if ! "$build/bin/airlock" doctor >"$scratch/doctor" 2>&1; then
  cat "$scratch/doctor"
  [ "${KERNEL_TESTS_MUST_RUN:-}" = 1 ] && exit 1
  exit 77
fi

export NO_COLOR=1
"$source/scripts/quickstart" --build "$build" "$scratch/tour" >"$scratch/out" 2>&1 || { cat "$scratch/out"; exit 1; }

expect() {
  grep -qE -- "$2" "$scratch/$1" || { echo "not found in $1: $2"; cat "$scratch/$1"; exit 1; }
}
expect out '^\$ airlock bundle import advisory-kit'
expect out '67 steps: 67 succeeded'
expect out '67 steps: 67 cached'
expect out 'identical'
expect out 'every check holds'
[ "$(grep -c 'refused, exit 2' "$scratch/out")" -eq 2 ] || { cat "$scratch/out"; exit 1; }
expect out 'error\[member-digest\].*GO-2020-0001'
expect out 'error\[audit:.*history\.jsonl'
expect out '65 SBOMs with 158 components .* 43 matches of 29 advisories'
expect tour/summary.md '^\| GO-2020-0001 .* edge-gateway\.cdx\.json'
expect tour/vex.openvex.json '"timestamp":"2026-03-02T09:00:00\.000Z"'

# Every command that was printed with a prompt ran: none of them is decoration.
[ "$(grep -c '^\$ ' "$scratch/out")" -ge 18 ] || { cat "$scratch/out"; exit 1; }
