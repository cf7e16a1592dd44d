# Sourced by peer tests: need PROGRAM... skips, visibly, where one is not installed.
skip() {
  echo "SKIPPED: $*; scripts/deps test installs it" >&2
  [ -z "${PEERS_MUST_RUN:-}" ] || exit 1
  exit 77
}
need() {
  local program
  for program in "$@"; do command -v "$program" >/dev/null || skip "no $program"; done
}
