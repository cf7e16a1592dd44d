# Build, inspect, verify, import: what passes, what is refused, and what a refusal leaves behind.
. "$(dirname "$0")/lib.sh"
. "$here/lib_kit.sh"
export AIRLOCK_TENANT=acme

airlock key generate --out pub -q
make_kit kit 1.0.0 1
build_kit kit one.tar.zst
build_kit kit again.tar.zst
cmp -s one.tar.zst again.tar.zst || die "two builds of one folder differ"
expect 0 airlock bundle inspect one.tar.zst
out_has demo-kit; err_has 'NOTHING WAS VERIFIED'
expect 0 airlock bundle verify one.tar.zst --key pub.pub
airlock key generate --out other -q
expect 2 airlock bundle verify one.tar.zst --key other.pub
err_has 'error[dsse:threshold]'
expect 2 airlock bundle verify one.tar.zst --key pub.pub --key other.pub --threshold 2
err_has 'error[dsse:threshold]'

expect 2 airlock bundle import one.tar.zst
err_has 'error[site-key-required]'
airlock key generate --site -q
expect 2 airlock bundle import one.tar.zst
err_has 'error[trust-roots-required]'
airlock trust init --key other.pub -q
expect 2 airlock bundle import one.tar.zst
err_has 'error[dsse:threshold]'; err_has 'remedy:'
expect 0 airlock quarantine list --json
[ "$(json 'len(d["items"])')" = 1 ] || die "the refused bundle is not in quarantine"
name=$(json 'd["items"][0]["name"]')
expect 0 airlock quarantine show "$name"
out_has 'dsse:threshold'; out_has "Nothing in this file can be taken as a publisher's word"; out_has 'To do: '; out_has 'bundle.tar.zst: the refused file'
cmp -s one.tar.zst "$(airlock quarantine show "$name" --json | python3 -c 'import json,sys; print(json.load(sys.stdin)["path"])')/bundle.tar.zst" || die "the kept bundle is not the refused one"
expect 3 airlock quarantine remove "$name"
err_has 'error[reason-required]'
expect 0 airlock quarantine remove "$name" --reason 'wrong publisher'
expect 0 airlock quarantine list --json
[ "$(json 'len(d["items"])')" = 0 ] || die "still in quarantine"

airlock trust init --key pub.pub --replace -q
expect 0 airlock bundle import one.tar.zst --dry-run
expect 0 airlock bundle list --json
[ "$(json 'len(d["items"])')" = 0 ] || die "a dry run activated something"
expect 0 airlock bundle import one.tar.zst
out_has signature; out_has members; out_has 'is active'
expect 0 airlock bundle import one.tar.zst
out_has 'already active: nothing to do'
expect 0 airlock ledger verify
blob=$(find "$AIRLOCK_HOME/cas/sha256" -type f | head -n 1)
chmod u+w "$blob" && printf x >>"$blob"
expect 0 airlock bundle import one.tar.zst --repair --json
[ "$(json 'd["alreadyActive"], d["repairedBlobs"], d["newBlobs"]')" = "(True, 1, 0)" ] || die "the damaged blob was not replaced"
expect 0 airlock bundle import one.tar.zst --repair
out_has 'already active: nothing to do'
make_kit kit 0.9.0 1
build_kit kit reused.tar.zst
expect 8 airlock bundle import reused.tar.zst
make_kit kit 1.1.0 2
build_kit kit two.tar.zst
expect 0 airlock bundle import two.tar.zst --json
[ "$(json 'd["accepted"], d["activated"], d["generation"]')" = '(True, True, 2)' ] || die "verdict: $(cat out)"
expect 0 airlock bundle diff one.tar.zst two.tar.zst
err_has 'NOTHING WAS VERIFIED'; out_has 'changed'; out_has 'data/in/hello.txt'; out_has '1 differences'
expect 0 airlock bundle diff demo-kit@1 demo-kit --json
err_empty
[ "$(json 'd["older"]["generation"], d["newer"]["generation"], d["differences"][0]["path"]')" = "(1, 2, 'data/in/hello.txt')" ] || die "$(cat out)"
expect 4 airlock bundle diff demo-kit@7 demo-kit
expect 8 airlock bundle import one.tar.zst
err_has 'error[version-non-monotonic]'
expect 3 airlock bundle import one.tar.zst --force-activate
expect 0 airlock bundle import one.tar.zst --force-activate --reason 'rollback drill' --ticket OPS-1
make_kit theirs 9.0.0 9 globex
build_kit theirs theirs.tar.zst
expect 3 airlock bundle import theirs.tar.zst
err_has 'error[tenant-mismatch]'
expect 3 env -u AIRLOCK_TENANT airlock bundle import two.tar.zst
err_has 'error[tenant-required]'

# Bytes that are not what was signed.
printf 'x' | cat two.tar.zst - > trailing.tar.zst
expect 2 airlock bundle import trailing.tar.zst
size=$(stat -c %s two.tar.zst)
head -c $((size - 1)) two.tar.zst > cut.tar.zst
expect 2 airlock bundle import cut.tar.zst
cp two.tar.zst flipped.tar.zst
printf '\377' | dd of=flipped.tar.zst bs=1 seek=$((size / 2)) conv=notrunc status=none
expect 2 airlock bundle import flipped.tar.zst
expect 0 airlock quarantine list --json
expect 0 airlock quarantine show "$(json 'next(i["name"] for i in d["items"] if i["reason"].startswith("archive:zstd"))')"
out_has 'signed its manifest'; out_has 'Nothing of it is in use'
: > empty.tar.zst
expect 2 airlock bundle import empty.tar.zst
expect 2 airlock bundle import missing.tar.zst
err_has 'error[bundle-path-required]'
expect 2 airlock bundle import "$scratch"
mkfifo pipe
expect 2 airlock bundle import pipe
expect 0 airlock ledger verify
out_has 'tenant acme'
