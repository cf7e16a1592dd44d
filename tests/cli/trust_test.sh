# Trust roots: written once, shown, replaced only on demand.
. "$(dirname "$0")/lib.sh"

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
