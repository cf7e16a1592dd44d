# The main path after import: plan, run, cache, replay, evidence; and steps that misbehave.
. "$(dirname "$0")/lib.sh"
. "$here/lib_kit.sh"
export AIRLOCK_TENANT=acme
new_site
make_kit kit 1.0.0 1
step() { add_dag kit "$1" "[{id: $1, plugin: stepper@1.0.0, args: [$2], outputs: [{path: done.txt}]}]"; }
step crash crash; step fails 'exit, "3"'; step flood flood; step fork-bomb fork-bomb; step fill fill; step symlink symlink
step daemon daemon; step silent 'exit, "0"'; step say 'say, hello'
add_dag kit loop '[{id: loop, plugin: stepper@1.0.0, args: [loop], resources: {timeout: 1s}}]'
add_dag kit network '[{id: a, plugin: stepper@1.0.0, args: [exit, "0"], network: {allow: ["tcp:10.0.0.1:443"]}}]'
add_dag kit chain '[{id: a, plugin: stepper@1.0.0, args: [exit, "3"]}, {id: b, plugin: stepper@1.0.0, args: [exit, "0"], needs: [a]}]'
build_kit kit kit.tar.zst
expect 0 airlock bundle import kit.tar.zst

expect 4 airlock run demmo
err_has 'demo'
expect 0 airlock run demo --plan-only --json
plan=$(json 'd["planHash"]')
expect 0 airlock run demo --json --run-token t1 --rationale 'first try'
[ "$(json 'd["state"], d["steps"]["succeeded"]')" = "('succeeded', 2)" ] || die "$(cat out)"
[ "sha256:$(json 'd["planHash"]')" = "$plan" ] || die "another plan was run than was shown"
first=$(json 'd["runId"]') outputs=$(json 'd["outputsHash"]')
expect 0 airlock run demo --json --run-token t1
[ "$(json 'd["runId"], d["existed"]')" = "('$first', True)" ] || die "the same token gave another run"
expect 0 airlock run demo --json
[ "$(json 'd["steps"]["cached"], d["outputsHash"]')" = "(2, '$outputs')" ] || die "not from the cache: $(cat out)"
expect 0 airlock run demo --json --no-cache
[ "$(json 'd["steps"]["succeeded"], d["outputsHash"]')" = "(2, '$outputs')" ] || die "not reproduced: $(cat out)"
expect 0 airlock replay "$first"
out_has identical
expect 0 airlock artifact get "$first" pass b.txt
[ "$(cat out)" = 'hello 1' ] || die "artifact: $(cat out)"
expect 4 airlock artifact get "$first" pass nothing
expect 4 airlock runs show 00000000-0000-7000-8000-000000000000
expect 4 airlock runs show "$first" --tenant globex

refused() {  # DAG CODE TEXT: the run fails, one clear line says why, and the ledger holds
  expect 7 airlock run "$1"
  err_has 'error[run:failed]'; err_has "$2"
  [ "$(grep -c 'error\[' err)" = 1 ] || die "more than one error line"
}
refused crash 'signal'
refused fails 'exit code 3'
refused fork-bomb ''
refused fill ''
refused symlink 'done.txt'
refused silent 'done.txt'
refused loop 'timeout'
refused chain 'step a'
expect 0 airlock runs list --json
[ "$(json '[r["dagId"] for r in d["items"] if r["state"]=="failed"].count("chain")')" = 1 ] || die "no failed chain"
expect 0 airlock run flood --json
flood=$(json 'd["runId"]')
[ "$(stat -c %s "$AIRLOCK_HOME/runs/$flood/flood.1.out")" -le $((16 * 1024 * 1024)) ] || die "the log is not capped"
expect 0 airlock run daemon --json
daemon=$(json 'd["runId"]')
expect 0 airlock run say --json
expect 0 airlock runs logs "$(json 'd["runId"]')"
out_has '\x1b[31mred'
# Watching: a run that has ended, one that failed, and one that goes on meanwhile.
expect 0 airlock runs watch "$first"
out_has 'pass succeeded'; out_has "run $first succeeded"
expect 7 airlock runs watch "$(airlock runs list --json | python3 -c 'import json,sys; print(next(r["runId"] for r in json.load(sys.stdin)["items"] if r["dagId"]=="fails"))')"
err_has 'error[run:failed]'
add_dag kit slow '[{id: slow, plugin: stepper@1.0.0, args: [loop], resources: {timeout: 3s}}]'
make_kit kit 1.0.1 2
build_kit kit kit2.tar.zst
expect 0 airlock bundle import kit2.tar.zst
airlock run slow --quiet >/dev/null 2>&1 &
slow_pid=$!
for _ in $(seq 100); do
  slow=$(airlock runs list --json | python3 -c 'import json,sys; print(next((r["runId"] for r in json.load(sys.stdin)["items"] if r["dagId"]=="slow"), ""))')
  [ -n "$slow" ] && break
done
expect 10 airlock runs watch "$slow" --timeout 1ms
err_has 'error[run:unfinished]'
expect 7 airlock runs watch "$slow" --ndjson
out_has '"state":"running","stepId":"slow"'; out_has '"state":"timed_out"'
wait "$slow_pid" && die "the slow run succeeded"
expect 5 airlock run network
err_has 'error[spec:network-not-allowed]'
expect 2 airlock run demo --input nothing=1
err_has 'error[spec:undeclared-input]'
expect 2 airlock run demo --input nothing
expect 3 airlock run demo --allow-degraded cgroup
err_has 'reason'
expect 0 airlock ledger verify
