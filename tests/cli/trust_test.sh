# Trust roots: written once, shown, replaced only on demand.
. "$(dirname "$0")/lib.sh"
. "$here/lib_kit.sh"

expect 2 airlock trust show
err_has 'error[trust-roots-required]'
airlock key generate --out a -q && airlock key generate --out b -q
expect 2 airlock trust init --key a.pub --threshold 2
[ ! -e "$AIRLOCK_HOME/trust/roots.json" ] || die "an impossible threshold was written"
expect 0 airlock trust init --key a.pub --key b.pub --threshold 2
out_has '2 of 2'
expect 2 airlock trust init --key a.pub
err_has 'error[already-exists]'; err_has '--replace'
expect 0 airlock trust init --key a.pub --replace
expect 0 airlock trust show --json
[ "$(json 'd["threshold"]')" = 1 ] || die "not replaced"
expect 2 airlock trust init --key a.key --replace
expect 2 airlock trust init --key a.pub --replace --valid-until yesterday
err_has 'error[bad-time]'
ln -s /tmp "$scratch/link"
expect 2 airlock trust init --key a.pub --home "$scratch/link"
err_has 'error[home-unusable]'

# Who cannot record a change of trust does not make it.
airlock key generate --site -q
make_kit kit 1.0.0 1
airlock key generate --out recorded -q
expect 0 airlock trust init --key recorded.pub --replace
build_kit kit kit.tar.zst recorded.key
expect 0 airlock bundle import kit.tar.zst --tenant acme
airlock key generate --out late -q
cp "$AIRLOCK_HOME/ledger.db" ledger.db
cp "$AIRLOCK_HOME/trust/roots.json" roots.json
rm -f "$AIRLOCK_HOME"/ledger.db-*
head -c 8192 /dev/urandom >"$AIRLOCK_HOME/ledger.db"
expect 2 airlock trust init --key late.pub --replace
err_has 'error[ledger:corrupt]'
cmp -s "$AIRLOCK_HOME/trust/roots.json" roots.json || die "an unrecorded change of trust was made"
