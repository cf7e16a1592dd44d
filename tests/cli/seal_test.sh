# Sealed mode: no network is declared, the site is in order, and every change is on the record.
. "$(dirname "$0")/lib.sh"
. "$here/lib_kit.sh"
new_site
export AIRLOCK_TENANT=acme
make_kit kit 1.0.0 1
add_dag kit net '[{id: call, plugin: stepper@1.0.0, args: [ok], network: {allow: ["tcp:10.0.0.1:443"]}}]'
build_kit kit kit.tar.zst
expect 0 airlock bundle import kit.tar.zst
expect 4 airlock unseal
err_has 'is not sealed'
expect 2 airlock seal --policy-hash nonsense
hash=sha256:$(echo policy | sha256sum | cut -d' ' -f1)
expect 0 airlock seal --policy-hash "$hash" --reason 'policy 7' --ticket SEC-1 --json
[ "$(json 'd["sealed"], d["policyHash"], d["ticket"]')" = "(True, '$hash', 'SEC-1')" ] || die "not sealed: $(cat out)"
# What declares a network is refused before it starts; of everything else the site itself is asked first.
expect 5 airlock run net
err_has 'error[sealed:network-intent]'; err_has 'tcp:10.0.0.1:443'
expect 5 airlock run demo
err_has 'error[AIRLOCK_STARTUP_ALLOWLIST_MISSING]'
echo '{"schema": "airlock.config/v1", "networkAllow": []}' >airlock.json
export AIRLOCK_CONFIG=$PWD/airlock.json
expect 6 airlock run demo
err_has 'error[AIRLOCK_STARTUP_ANCHOR_MISSING]'
expect 6 airlock status --json
[ "$(json '[c["ok"] for c in d["diagnostics"]][:3]')" = '[True, True, False]' ] || die "status: $(cat out)"
# Another tenant is not sealed.
expect 0 airlock bundle import kit.tar.zst --tenant globex
expect 0 airlock run demo --tenant globex
expect 0 airlock unseal --reason 'over' --ticket SEC-2
expect 0 airlock status
out_has 'is not sealed'
expect 0 airlock run demo
expect 0 airlock ledger verify
