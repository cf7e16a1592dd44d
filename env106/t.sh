set -u
. /tmp/air/numbers/tests/cli/lib.sh
. $here/lib_kit.sh
new_site
export AIRLOCK_TENANT=acme
make_kit kit 1.0.0 1
head -c 3000000 /dev/urandom > kit/data/in/big
build_kit kit one.tar.zst
fresh() { rm -rf "$AIRLOCK_HOME.x"; cp -a "$AIRLOCK_HOME" "$AIRLOCK_HOME.x"; }
run() { fresh; echo "== $1"; (export AIRLOCK_HOME="$AIRLOCK_HOME.x"; eval "$1"; echo "rc $?"; airlock bundle list --json | head -c 300; echo; airlock ledger verify | head -2; find $AIRLOCK_HOME -perm /022 | head -3); }
run 'airlock bundle import one.tar.zst >&- 2>e1; cat e1 >&2'
run 'airlock bundle import one.tar.zst >/dev/full'
run 'airlock bundle import one.tar.zst --json >/dev/full'
run 'airlock bundle import one.tar.zst >&- 2>&-'
run 'airlock bundle import one.tar.zst >&- 2>&- <&-'
run 'airlock bundle import one.tar.zst >/dev/null 2>/dev/full'
run 'LC_ALL=C airlock bundle import one.tar.zst'
run 'LC_ALL=xx_YY.nonsense LANG= airlock bundle import one.tar.zst | tail -1'
run '(umask 000; airlock bundle import one.tar.zst | tail -1)'
run '(umask 777; airlock bundle import one.tar.zst | tail -1)'
run '(ulimit -n 64; airlock bundle import one.tar.zst | tail -1)'
for n in 8 10 12 14 16; do run "(ulimit -n $n; airlock bundle import one.tar.zst | tail -1)"; done
for v in 40000 65536 80000 100000 150000 200000 300000 400000; do run "(ulimit -v $v; airlock bundle import one.tar.zst | tail -1)"; done
run '(ulimit -f 100; airlock bundle import one.tar.zst | tail -1)'
