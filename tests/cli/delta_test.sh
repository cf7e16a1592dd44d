# Delta kits: built over an older bundle, imported where that is held, refused where it is not; and a run on what came in.
. "$(dirname "$0")/lib.sh"
. "$here/lib_kit.sh"
export AIRLOCK_TENANT=acme
new_site
make_kit kit 1.0.0 1
head -c 3000000 /dev/urandom >kit/data/large.bin
head -c 200000 /dev/urandom >kit/data/same.bin
build_kit kit one.tar.zst

# Generation 2: bytes inserted into a large member, one member new, one gone, one moved.
make_kit kit 2.0.0 2
{ head -c 1000 /dev/urandom; cat kit/data/large.bin; } >large.new && mv large.new kit/data/large.bin
echo new >kit/data/new.txt
mv kit/data/same.bin kit/data/moved.bin
build_kit kit full.tar.zst
expect 0 airlock bundle build kit -o two.tar.zst --key pub.key --base one.tar.zst --json
[ "$(json '[d["delta"][k] for k in ("carried", "patched", "unchanged")]')" = '[2, 1, 4]' ] || die "what it carries: $(cat out)"
[ "$(json 'd["delta"]["base"]["generation"], d["delta"]["savedBytes"] > 3000000, d["delta"]["patchBytes"] < 5000')" = '(1, True, True)' ] || die "$(cat out)"
[ "$(stat -c %s two.tar.zst)" -lt 20000 ] || die "a delta of $(stat -c %s two.tar.zst) bytes"
cp two.tar.zst again.tar.zst
expect 0 airlock bundle build kit -o two.tar.zst --key pub.key --base one.tar.zst
out_has 'delta of demo-kit generation 1: 2 members carried whole, 1 patched'; out_has 'saved'
cmp -s two.tar.zst again.tar.zst || die "two builds of one delta differ"
[ -z "$(ls -A | grep -e scratch -e building)" ] || die "something was left: $(ls -A)"

# What may be built upon.
airlock key generate --out other -q
expect 2 airlock bundle build kit -o x --key other.key --base one.tar.zst
err_has 'error[dsse:threshold]'; err_has 'one.tar.zst'; err_has '--base-key'
expect 0 airlock bundle build kit -o x --key other.key --base one.tar.zst --base-key other.pub --base-key pub.pub
expect 2 airlock bundle build kit -o x2 --key pub.key --base-key pub.pub
err_has 'error[usage]'
expect 2 airlock bundle build kit -o x2 --key pub.key --base two.tar.zst
err_has 'error[field]'; err_has 'generation 2 is not newer'
head -c 100000 one.tar.zst >cut.tar.zst
expect 2 airlock bundle build kit -o x2 --key pub.key --base cut.tar.zst
err_has 'error[archive:truncated]'
[ ! -e x2 ] || die "a refused build left a file"

# Looked at from outside.
expect 0 airlock bundle inspect two.tar.zst
out_has 'delta of      demo-kit generation 1, manifest sha256:'
expect 0 airlock bundle inspect two.tar.zst --json
[ "$(json 'd["base"]["generation"], d["base"]["patches"], len(d["entries"])')" = '(1, 1, 7)' ] || die "$(cat out)"
expect 0 airlock bundle diff one.tar.zst two.tar.zst
out_has 'a delta of demo-kit generation 1'; out_has 'data/large.bin'; out_has 'moved'
expect 0 airlock bundle diff full.tar.zst two.tar.zst
out_has '0 differences'
expect 0 airlock bundle verify two.tar.zst --key pub.pub
out_has '4 NOT CARRIED AND NOT LOOKED AT: this is a delta kit, they are in demo-kit generation 1'

# Inside: without the base, with another one, with the right one.
expect 4 airlock bundle import two.tar.zst
err_has 'error[bundle:base-missing]'; err_has 'demo-kit generation 1, manifest '; err_has 'remedy: Import the base'
expect 0 airlock quarantine list --json
[ "$(json 'len(d["items"])')" = 0 ] || die "a delta without its base is in quarantine"
expect 0 airlock bundle import one.tar.zst
expect 0 airlock bundle import two.tar.zst --dry-run
out_has '2 of 7 members carried, 1 patched, 4 from demo-kit generation 1'
expect 0 airlock bundle import two.tar.zst
out_has 'demo-kit generation 1 is held'; out_has 'is active'
expect 0 airlock bundle import two.tar.zst
out_has 'already active: nothing to do'
expect 0 airlock bundle diff full.tar.zst demo-kit
out_has '0 differences'
blob=$(sha256sum kit/data/large.bin | cut -c1-64)
cmp -s kit/data/large.bin "$AIRLOCK_HOME/cas/sha256/${blob:0:2}/${blob:2}" || die "the patched member is not what the folder held"
expect 0 airlock ledger verify
expect 0 airlock run demo
expect 0 airlock bundle prune --keep 1
expect 0 airlock bundle import two.tar.zst
out_has 'already active: nothing to do'

# A damaged base is named, mended, and then it goes.
export AIRLOCK_HOME=$scratch/home2
airlock key generate --site -q && airlock trust init --key pub.pub -q || die "no second site"
expect 0 airlock bundle import one.tar.zst
old=$(airlock bundle inspect one.tar.zst --json 2>/dev/null | python3 -c 'import json,sys; print([e["sha256"] for e in json.load(sys.stdin)["entries"] if e["path"] == "data/large.bin"][0])')
blob=$AIRLOCK_HOME/cas/sha256/${old:0:2}/${old:2}
chmod u+w "$blob" && printf x | dd of="$blob" bs=1 seek=100 conv=notrunc status=none
expect 2 airlock bundle import two.tar.zst
err_has 'error[store:corrupt]'; err_has "$blob"
expect 0 airlock bundle import one.tar.zst --repair
expect 0 airlock bundle import two.tar.zst

# The refresh on a schedule makes deltas of what it published last, where it is told to.
expect 0 "$AIRLOCK_SOURCE/scripts/offline-kit-refresh" --key pub.key --pub pub.pub --delta kit published
out_has 'published generation 1'; out_lacks 'delta'
expect 0 "$AIRLOCK_SOURCE/scripts/offline-kit-refresh" --key pub.key --pub pub.pub --delta kit published
out_has 'nothing has changed'
echo newer >kit/data/new.txt
expect 0 "$AIRLOCK_SOURCE/scripts/offline-kit-refresh" --key pub.key --pub pub.pub --delta kit published
out_has 'published generation 2'; out_has 'a delta of generation 1'
[ "$(ls published/*.sha256 | wc -l)" = 2 ] || die "published: $(ls published)"
(cd published && sha256sum --quiet -c ./*.sha256) || die "a digest does not fit"
export AIRLOCK_HOME=$scratch/home3
airlock key generate --site -q && airlock trust init --key pub.pub -q || die "no third site"
expect 0 airlock bundle import published/*-g1.airlock.tar.zst
expect 0 airlock bundle import published/*-g2.airlock.tar.zst
out_has 'from demo-kit generation 1'
