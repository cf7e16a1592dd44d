# Sourced after lib.sh: small kits whose one plugin is the stepper (tests/cli/stepper.cc).
#
#   make_kit DIR VERSION GENERATION [TENANT]   a kit folder with a data file and DAG "demo"; add more DAGs with add_dag
#   add_dag DIR ID 'STEPS as YAML flow list'   e.g. add_dag kit boom '[{id: a, plugin: stepper@1.0.0, args: [crash]}]'
#   build_kit DIR FILE [KEY]                   packs and signs it
#   new_site                                   keys, site key and trust roots for publisher `pub`
stepper="$AIRLOCK_BUILD/tests/cli/stepper"

make_kit() {
  local dir=$1 version=$2 generation=$3 tenant=${4:-*}
  mkdir -p "$dir/dags" "$dir/data/in" "$dir/plugins/stepper/1.0.0/bin"
  cp "$stepper" "$dir/plugins/stepper/1.0.0/bin/stepper"
  chmod 0755 "$dir/plugins/stepper/1.0.0/bin/stepper"
  cat > "$dir/bundle.json" <<J
{"bundleId": "demo-kit", "kind": "offline-kit", "version": "$version", "generation": $generation,
 "producer": "tests", "tenants": ["$tenant"], "createdAt": "2026-01-01T00:00:00Z"}
J
  cat > "$dir/plugins/stepper/1.0.0/plugin.json" <<'J'
{"name": "stepper", "version": "1.0.0", "entrypoint": "bin/stepper", "rootfs": "none", "deterministic": true, "network": {"allow": ["tcp:10.0.0.1:443"]},
 "resources": {"memory": "64MiB", "cpu": 1.0, "pids": 32, "disk": "16MiB", "timeout": "30s"}}
J
  echo "hello $generation" > "$dir/data/in/hello.txt"
  add_dag "$dir" demo "[
    {id: greet, plugin: stepper@1.0.0, args: [copy, hello, a.txt], inputs: {hello: {bundle: demo-kit, path: data/in/hello.txt}}, outputs: [{path: a.txt}]},
    {id: pass, plugin: stepper@1.0.0, args: [copy, a, b.txt], inputs: {a: {step: greet, path: a.txt}}, outputs: [{path: b.txt}]}]"
}
add_dag() {
  cat > "$1/dags/$2.yaml" <<Y
apiVersion: airlock/v1
kind: Dag
metadata: {id: $2, version: 1.0.0}
spec:
  steps: $3
Y
}
build_kit() { expect 0 airlock bundle build "$1" -o "$2" --key "${3:-pub.key}"; }
new_site() {
  airlock key generate --out pub -q && airlock key generate --site -q && airlock trust init --key pub.pub -q || die "no site"
}
