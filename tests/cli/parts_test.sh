# A kit on several media: split, joined by coreutils, imported part by part in any order, with one medium damaged.
. "$(dirname "$0")/lib.sh"
. "$here/lib_kit.sh"
new_site
export AIRLOCK_TENANT=acme
make_kit kit 1.0.0 1
head -c 400000 /dev/urandom >kit/data/in/noise.bin
build_kit kit kit.airlock.tar.zst
box=$AIRLOCK_HOME/incoming
nothing_held() { [ "$(ls "$box")" = lock ] || die "left in the box: $(ls -R "$box")"; }

# Outside. The stepper is a static program: how many parts there are depends on the compiler.
expect 2 airlock bundle split kit.airlock.tar.zst
expect 2 airlock bundle split kit.airlock.tar.zst --size lots
err_has 'error[usage]'
expect 2 airlock bundle split kit.airlock.tar.zst --size 65535
err_has 'error[usage]'
expect 4 airlock bundle split missing.airlock.tar.zst --size 1MiB
bytes=$(stat -c %s kit.airlock.tar.zst)
size=$((bytes / 5 + 5000))
expect 0 airlock bundle split kit.airlock.tar.zst --size $size -o parts
out_has 'in 5 parts'; out_has kit.airlock.tar.zst.part05-of-05
[ "$(ls parts | wc -l)" = 5 ] || die "parts: $(ls parts)"
find parts -size +${size}c | grep -q . && die "a part is larger than it may be"
tail -q -c +4097 parts/kit.airlock.tar.zst.part* >joined
cmp joined kit.airlock.tar.zst || die "coreutils do not make the bundle"
expect 0 airlock bundle split kit.airlock.tar.zst --size $size -o again --json
for i in 0 1 2 3 4; do
  [ "$(json "d['parts'][$i]['fileSha256']")" = "$(sha256sum <"parts/kit.airlock.tar.zst.part0$((i + 1))-of-05" | cut -d' ' -f1)" ] || die "digest of part $((i + 1))"
done
diff -r parts again || die "the same split made other parts"
digest=$(json 'd["bundleSha256"]')
[ "$digest" = "$(sha256sum <joined | cut -d' ' -f1)" ] || die "digest of the bundle"
expect 2 airlock bundle split parts/kit.airlock.tar.zst.part01-of-05 --size 1MiB
err_has 'is a part'
expect 2 airlock bundle split kit.airlock.tar.zst --size 64KiB -o parts
err_has 'error[already-exists]'
ln kit.airlock.tar.zst parts/beside
expect 0 airlock bundle split parts/beside --size 4GiB -q
out_empty
[ -f parts/beside.part01-of-01 ] || die "not beside the file"
part() { echo "parts/kit.airlock.tar.zst.part0$1-of-05"; }

# Inside: one by one, in odd order.
expect 0 airlock bundle parts list
expect 10 airlock bundle import "$(part 4)"
out_has 'held     4'; out_has 'missing  1-3, 5'; err_has 'error[bundle:parts-missing]'; err_has 'parts 1-3, 5 of 5'
expect 10 airlock bundle import "$(part 1)" --json
[ "$(json 'd["state"], d["bundleSha256"], d["held"], d["missing"], d["parts"]')" = "('waiting', '$digest', [1, 4], [2, 3, 5], 5)" ] || die "waiting: $(cat out)"
python3 -c 'import json; e=json.load(open("err"))["error"]; assert e["code"]=="bundle:parts-missing" and e["exitStatus"]==10, e' || die "no JSON error"
expect 10 airlock bundle import "$(part 4)"
out_has 'held     1, 4'
expect 0 airlock bundle list --json
[ "$(json 'len(d["items"])')" = 0 ] || die "something is active before all parts are there"

# A medium that is damaged is named; the others that are given with it are taken.
flip() { cp "$1" "$2" && printf '\377\376' | dd of="$2" bs=1 seek=$((size / 2)) conv=notrunc status=none; }
flip "$(part 3)" bad.part03-of-05
expect 2 airlock bundle import bad.part03-of-05 "$(part 5)"
err_has 'error[bundle:part]'; err_has 'part 3 of 5 (bad.part03-of-05)'; out_has 'held     1, 4-5'; err_has 'remedy:'
head -c 9000 "$(part 2)" >cut.part02-of-05
expect 2 airlock bundle import cut.part02-of-05
err_has 'part 2 of 5 (cut.part02-of-05) is cut'
: >empty.part02-of-05
expect 2 airlock bundle import empty.part02-of-05
err_has 'error[bundle:part]'; err_has 'empty.part02-of-05'
expect 0 airlock quarantine list --json
[ "$(json 'len(d["items"])')" = 0 ] || die "a part is in quarantine"

# What does not belong together is refused before anything is copied.
make_kit kit 1.1.0 2
build_kit kit two.airlock.tar.zst
expect 0 airlock bundle split two.airlock.tar.zst --size 200KiB -o two
expect 2 airlock bundle import "$(part 2)" kit.airlock.tar.zst
err_has 'error[usage]'; err_has 'kit.airlock.tar.zst is no part'
expect 2 airlock bundle import kit.airlock.tar.zst two.airlock.tar.zst
err_has 'error[usage]'
expect 2 airlock bundle import "$(part 2)" two/*part01*
err_has 'parts of two bundles'
expect 2 airlock bundle import "$(part 2)" missing.part03-of-05
err_has 'error[usage]'
expect 2 airlock bundle import missing.part03-of-05
err_has 'error[bundle-path-required]'
expect 2 airlock bundle import "$(part 2)" --limit bundleBytes=1000
err_has 'error[archive:limit]'; err_has bundleBytes
expect 0 airlock bundle parts list --json
[ "$(json '[(i["bundleSha256"], i["held"], i["missing"]) for i in d["items"]]')" = "[('$digest', [1, 4, 5], [2, 3])]" ] || die "list: $(cat out)"

# A copy of the same part that is good makes up for the one that is not. A dry run keeps the set.
expect 0 airlock bundle import --dry-run bad.part03-of-05 "$(part 3)" "$(part 2)"
err_has 'not needed: part 3 of 5 (bad.part03-of-05)'; out_has 'would be accepted'
expect 0 airlock bundle parts list
out_has "${digest:0:16}"; out_has 'none'
exec 8>>"$box/lock"
flock 8
expect 10 airlock bundle import --no-wait "$(part 1)" 8>&-
err_has 'error[busy]'
expect 10 airlock bundle parts discard "${digest:0:4}"
err_has 'error[busy]'
exec 8>&-

# Retryable: without trust roots the set stays, and the same command goes on when they are there.
mv "$AIRLOCK_HOME/trust/roots.json" roots.json
expect 2 airlock bundle import "$(part 1)"
err_has 'error[trust-roots-required]'
expect 0 airlock bundle parts list
out_has "${digest:0:16}"
mv roots.json "$AIRLOCK_HOME/trust/roots.json"
expect 0 airlock bundle import "$(part 1)" --json
[ "$(json 'd["accepted"], d["activated"], d["generation"], d["file"]')" = "(True, True, 1, '${digest:0:16}.airlock.tar.zst')" ] || die "verdict: $(cat out)"
nothing_held
expect 0 airlock bundle parts list
out_lacks "${digest:0:16}"

# All at once; again when it is active; refused, when the quarantine has the file.
expect 0 airlock bundle import $(ls -r parts/kit*)
out_has 'already active'
nothing_held
expect 0 airlock bundle import $(ls -r two/*)
out_has 'generation 2 is active'
nothing_held
expect 8 airlock bundle import parts/kit*
err_has 'error[version-non-monotonic]'
nothing_held
expect 0 airlock quarantine list --json
cmp "$(json 'd["items"][0]["path"]')/bundle.tar.zst" kit.airlock.tar.zst || die "the refused file is not the joined one"

# Discard.
expect 10 airlock bundle import "$(part 1)" "$(part 2)"
expect 10 airlock bundle import two/*part01*
expect 4 airlock bundle parts discard 0123456789abcdef0123
expect 4 airlock bundle parts discard ''
expect 0 airlock bundle parts discard "${digest:0:16}" --json
[ "$(json 'd["discarded"]["held"]')" = '[1, 2]' ] || die "discarded: $(cat out)"
expect 0 airlock bundle parts list --json
[ "$(json 'len(d["items"])')" = 1 ] || die "discarded too much"
expect 0 airlock bundle parts discard "$(json 'd["items"][0]["bundleSha256"]')"
out_has 'discarded 1 part '
nothing_held
expect 0 airlock ledger verify
