# Sourced by every CLI test. Gives: an empty folder as $PWD, removed at the end; $AIRLOCK_HOME in it; airlock on PATH;
# $here, the folder of the test.
#
#   expect STATUS COMMAND...   runs it, keeps stdout in `out` and stderr in `err`, fails unless it exits with STATUS
#   out_has TEXT / err_has TEXT / out_empty / err_empty / out_lacks TEXT
set -u
export PATH="$AIRLOCK_BIN:$PATH" LC_ALL=C
export AIRLOCK_CONFIG=  # whatever the machine has configured is not meant for tests
unset AIRLOCK_TENANT AIRLOCK_ACTOR AIRLOCK_PASSPHRASE NO_COLOR
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d)
trap 'chmod -R u+w "$scratch" 2>/dev/null; rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
export AIRLOCK_HOME="$scratch/home"

die() { echo "FAILED: $*" >&2; echo "--- stdout" >&2; cat out >&2; echo "--- stderr" >&2; cat err >&2; exit 1; }
expect() {
  local want=$1 got
  shift
  "$@" >out 2>err </dev/null
  got=$?
  last="$*"
  [ "$got" = "$want" ] || die "exit status $got instead of $want: $last"
}
out_has() { grep -qF -- "$1" out || die "stdout of '$last' lacks: $1"; }
out_lacks() { ! grep -qF -- "$1" out || die "stdout of '$last' has: $1"; }
err_has() { grep -qF -- "$1" err || die "stderr of '$last' lacks: $1"; }
out_empty() { [ ! -s out ] || die "stdout of '$last' is not empty"; }
err_empty() { [ ! -s err ] || die "stderr of '$last' is not empty"; }
json() { python3 -c 'import json,sys; d=json.load(open("out")); print(eval(sys.argv[1], {"d": d}))' "$1"; }
