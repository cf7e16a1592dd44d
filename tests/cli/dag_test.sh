# A spec is checked before it is signed: place, cause and likely spelling.
. "$(dirname "$0")/lib.sh"

cat > good.yaml <<'Y'
apiVersion: airlock/v1
kind: Dag
metadata: {id: demo, version: 1.0.0}
spec:
  steps:
    - {id: b, plugin: noop@1.0.0, needs: [a]}
    - {id: a, plugin: noop@1.0.0}
Y
expect 0 airlock dag validate good.yaml
out_has 'demo@1.0.0'
expect 0 airlock dag graph good.yaml
out_has 'b <- a'
expect 0 airlock dag graph good.yaml --format dot
out_has '"a" -> "b"'
sed 's/needs: \[a\]/neds: [a]/' good.yaml > misspelt.yaml
expect 2 airlock dag validate misspelt.yaml
err_has 'error[spec:unknown-field]'; err_has 'line 6'; err_has 'did you mean "needs"?'
sed 's/id: a, plugin: noop@1.0.0/id: a, plugin: noop@1.0.0, needs: [b]/' good.yaml > circle.yaml
expect 2 airlock dag validate circle.yaml
err_has 'error[spec:cycle]'; err_has 'a -> b -> a'
printf 'a: &x [1]\nb: *x\n' > alias.yaml
expect 2 airlock dag validate alias.yaml
expect 4 airlock dag validate missing.yaml
