# The configuration file: who wins, what is refused, and that limits reach the import.
. "$(dirname "$0")/lib.sh"
. "$here/lib_kit.sh"
new_site
make_kit kit 1.0.0 1
build_kit kit kit.tar.zst
cat >airlock.json <<JSON
{"schema": "airlock.config/v1", "home": "$AIRLOCK_HOME", "tenant": "acme", "actor": "timer", "limits": {"members": 1}}
JSON
home=$AIRLOCK_HOME
unset AIRLOCK_HOME AIRLOCK_TENANT
expect 2 airlock --config airlock.json bundle import kit.tar.zst
err_has 'error[too-large]'; err_has 'limit members 1'
expect 2 airlock --config airlock.json bundle verify kit.tar.zst
err_has 'limit members 1'
expect 2 airlock --config airlock.json bundle import kit.tar.zst --limit member=1000
err_has 'did you mean "members"?'
expect 2 airlock --config airlock.json bundle import kit.tar.zst --limit members=1000 --limit memberBytes=4
err_has 'error[archive:limit]'; err_has 'limit memberBytes 4'; err_has '--limit NAME=VALUE'
expect 0 airlock --config airlock.json bundle import kit.tar.zst --limit members=1000
expect 0 env AIRLOCK_CONFIG=airlock.json airlock bundle list --json
[ "$(json 'len(d["items"])')" = 1 ] || die "not imported: $(cat out)"
expect 0 env AIRLOCK_CONFIG=airlock.json airlock run demo --json
expect 0 env AIRLOCK_CONFIG=airlock.json airlock runs list --json
[ "$(json 'd["items"][0]["actor"]')" = timer ] || die "the configured actor is not on the record: $(cat out)"
# A flag wins over the environment, the environment over the file.
expect 0 env AIRLOCK_CONFIG=airlock.json AIRLOCK_TENANT=globex airlock runs list --json
[ "$(json 'len(d["items"])')" = 0 ] || die "the environment did not win"
expect 0 env AIRLOCK_CONFIG=airlock.json AIRLOCK_TENANT=globex airlock runs list --json --tenant acme
[ "$(json 'len(d["items"])')" = 1 ] || die "the flag did not win"
expect 4 env AIRLOCK_CONFIG=airlock.json AIRLOCK_HOME="$scratch/elsewhere" airlock runs list
# What cannot be read, or others could write, is refused.
expect 4 airlock --config missing.json runs list
echo '{"schema": "airlock.config/v1", "tennant": "acme"}' >bad.json
expect 2 airlock --config bad.json runs list
err_has 'bad.json'; err_has 'tennant'; err_has 'tenant'
cp airlock.json open.json; chmod 666 open.json
expect 3 airlock --config open.json runs list
err_has 'open.json'
[ -d "$home" ] || die "the home is gone"
