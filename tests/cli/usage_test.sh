# What a person sees who types something wrong.
. "$(dirname "$0")/lib.sh"

expect 2 airlock
out_empty; err_has 'error[usage]'; err_has 'remedy:'
expect 2 airlock bundel
err_has 'did you mean "bundle"?'
expect 2 airlock bundle imprt x
err_has 'did you mean "import"?'
expect 2 airlock bundle import x --tenat acme
err_has 'did you mean "--tenant"?'
expect 2 airlock --json bundel
python3 -c 'import json; e=json.load(open("err"))["error"]; assert e["code"]=="usage" and e["exitStatus"]==2, e' || die "no JSON error"
expect 0 airlock --help
out_has 'airlock bundle import'; err_empty
expect 0 airlock bundle --help
out_has 'import'
expect 0 airlock version
out_has 'airlock '
expect 0 airlock version --json
[ "$(json 'd["version"]')" = "$(airlock version | cut -d' ' -f2)" ] || die "version differs"
for shell in bash zsh fish; do
  expect 0 airlock completion $shell
  out_has 'quarantine'; err_empty
done
airlock completion bash > airlock.bash && bash -n airlock.bash || die "bash completion does not parse"
got=$(bash -c 'source ./airlock.bash; COMP_WORDS=(airlock bundle imp); COMP_CWORD=2; _airlock; echo "${COMPREPLY[*]}"')
[ "$got" = import ] || die "completion of 'airlock bundle imp' gave '$got'"
[ ! -e "$AIRLOCK_HOME" ] || die "a usage error made the home"
