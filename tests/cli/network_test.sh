# Endpoints: declared by the DAG, within the plugin's ceiling, allowed by the site, not sealed; and all of it on record.
. "$(dirname "$0")/lib.sh"
. "$here/lib_kit.sh"
new_site
export AIRLOCK_TENANT=acme
# Somebody who says one line to whoever connects, and somebody nobody may reach.
cat >server.py <<'P'
import os, socket, sys
servers = [socket.create_server(("127.0.0.1", 0), backlog=64) for _ in range(2)]
with open("ports.tmp", "w") as f: f.write("%d %d" % tuple(s.getsockname()[1] for s in servers))
os.rename("ports.tmp", "ports")
print("ready", flush=True)
if os.fork() == 0:
    while True:
        guest, _ = servers[1].accept()
        open("touched", "w").close()
while True:
    guest, _ = servers[0].accept()
    guest.sendall(b"hello from outside\n")
    guest.close()
P
mkfifo ready
setsid python3 server.py >ready &
server=$!
trap 'kill -- -$server 2>/dev/null; chmod -R u+w "$scratch" 2>/dev/null; rm -rf "$scratch"' EXIT
read -r _ <ready
read -r port other <ports

make_kit kit 1.0.0 1
sed -i "s|\"tcp:10.0.0.1:443\"|\"tcp:127.0.0.1:$port\", \"tcp:mirror.site:$port\", \"tcp:127.0.0.1:$other\"|" kit/plugins/stepper/1.0.0/plugin.json
fetch() { add_dag kit "$1" "[{id: get, plugin: stepper@1.0.0, args: [fetch, $2, \"$3\"], network: {allow: [\"$4\"]}, outputs: [{path: done.txt}]}]"; }
fetch by-address 127.0.0.1 "$port" "tcp:127.0.0.1:$port"
fetch by-name mirror.site "$port" "tcp:Mirror.Site:$port"
fetch elsewhere 127.0.0.1 "$other" "tcp:127.0.0.1:$port"
fetch wider 127.0.0.1 "$other" "tcp:127.0.0.1:$other"
add_dag kit undeclared "[{id: get, plugin: stepper@1.0.0, args: [fetch, 127.0.0.1, \"$port\"]}]"
fetch beyond 10.0.0.2 443 tcp:10.0.0.2:443
expect 2 airlock bundle build kit -o kit.tar.zst --key pub.key
err_has 'error[spec:over-ceiling]'; err_has 'tcp:10.0.0.2:443'
rm kit/dags/beyond.yaml
build_kit kit kit.tar.zst
expect 0 airlock bundle import kit.tar.zst

# A site that allows nothing, or something else, starts nothing.
expect 5 airlock run by-address
err_has 'error[spec:network-not-allowed]'; err_has "tcp:127.0.0.1:$port"; err_has 'networkAllow'
export AIRLOCK_CONFIG=$PWD/airlock.json
for bad in tcp:999.0.0.1:80 tcp:127.0.0.1:65536 tcp:10.0.0.0/33:443 mirror.site:443 "tcp:mirror.site:$port"; do
  echo "{\"schema\": \"airlock.config/v1\", \"networkAllow\": [\"$bad\"]}" >airlock.json
  expect 2 airlock run by-address
  err_has 'networkAllow'; err_has "$bad"
done
echo "{\"schema\": \"airlock.config/v1\", \"networkAllow\": [\"tcp:127.0.0.2:$port\", \"tcp:127.0.0.1:443\"]}" >airlock.json
expect 5 airlock run by-address
err_has 'error[spec:network-not-allowed]'
expect 0 airlock runs list --json
[ "$(json 'len(d["items"])')" = 0 ] || die "a run was created"

# Allowed: reached, every time anew, by address and by the name that the site knows.
echo "{\"schema\": \"airlock.config/v1\", \"networkAllow\": [\"tcp:127.0.0.0/8:$port\", \"tcp:mirror.site:$port=127.0.0.1\"]}" >airlock.json
for dag in by-address by-name by-address; do
  expect 0 airlock run "$dag" --json
  [ "$(json 'd["steps"]["succeeded"], d["steps"]["cached"]')" = "(1, 0)" ] || die "$dag: $(cat out)"
done
run=$(json 'd["runId"]')
expect 0 airlock artifact get "$run" get done.txt
out_has 'hello from outside'
expect 5 airlock run wider
expect 7 airlock run elsewhere --json
run=$(json 'd["runId"]')
expect 0 airlock runs logs "$run"
out_has 'Permission denied'
expect 7 airlock run undeclared
[ ! -e touched ] || die "somebody was reached who was not allowed"
expect 0 airlock replay "$(airlock runs list --json | python3 -c 'import json,sys; print(next(r["runId"] for r in json.load(sys.stdin)["items"] if r["dagId"]=="by-name"))')"

# The record: what was tried, granted or not, in the evidence and in the history that a reviewer verifies.
expect 0 airlock runs show "$run" --json
[ "$(json '[(n["mode"], n["decisions"][0]["port"], n["decisions"][0]["verdict"]) for n in [d["attempts"][0]["evidence"]["network"]]]')" = "[('brokered', $other, 'refused')]" ] || die "evidence: $(cat out)"
expect 0 airlock ledger verify
expect 0 airlock audit export -o audit.tar.zst
expect 0 airlock-verify audit.tar.zst --key "$AIRLOCK_HOME/keys/site.pub"
tar --zstd -xf audit.tar.zst -C "$(mkdir -p audit && echo audit)"
[ "$(grep -rh '"kind":"step.network"' audit | python3 -c '
import json, sys
events = [json.loads(line) for line in sys.stdin]
print(sum(e["data"]["verdict"] == "granted" for e in events), [e["data"]["port"] for e in events if e["data"]["verdict"] == "refused"])')" = "4 [$other]" ] || die "history"

# Sealed, nothing that declares an endpoint starts, whatever the list says.
expect 0 airlock seal --policy-hash "sha256:$(echo policy | sha256sum | cut -d' ' -f1)" --reason policy --ticket SEC-1
expect 5 airlock run by-address
err_has 'error[sealed:network-intent]'
