# A refresh from end to end: published on the connected side, dropped, imported, run and exported inside, with the inside
# killed again and again.
. "$(dirname "$0")/lib.sh"
. "$here/lib_kit.sh"
new_site
publish() { "$AIRLOCK_SOURCE/scripts/offline-kit-refresh" --key pub.key --pub pub.pub "$@"; }
make_kit kit 1.0.0 1

# Outside.
expect 2 publish kit
expect 0 publish kit published
out_has 'published generation 1'
expect 0 publish kit published
out_has 'nothing has changed'
expect 0 publish --force kit published
out_has 'published generation 2'
echo 'hello again' >kit/data/in/hello.txt
expect 0 publish kit published
out_has 'published generation 3'
[ "$(ls published/*.airlock.tar.zst | wc -l)" = 3 ] && [ "$(ls published/*.sha256 | wc -l)" = 3 ] || die "published: $(ls published)"
[ -z "$(ls -d published/.new.* 2>/dev/null)" ] || die "work was left behind"
(cd published && sha256sum --quiet -c ./*.sha256) || die "a digest does not fit"
echo 'apiVersion: nonsense' >kit/dags/bad.yaml
expect 2 publish kit published
[ "$(ls published/*.sha256 | wc -l)" = 3 ] || die "a bad kit was published"
rm kit/dags/bad.yaml
airlock key generate --out other -q
expect 2 "$AIRLOCK_SOURCE/scripts/offline-kit-refresh" --key other.key --pub pub.pub --force kit published

# Inside: generations 1 and 3, one file that is still being copied, one that nobody here has signed.
export AIRLOCK_TENANT=acme AIRLOCK_DROP=$scratch/drop AIRLOCK_OUTBOX=$scratch/outbox AIRLOCK_REFRESH_RUN=demo
refresh() { "$AIRLOCK_SOURCE/packaging/airlock-refresh"; }
mkdir drop
cp published/*-g1.* published/*-g3.* drop/
cp published/*-g2.airlock.tar.zst drop/
airlock bundle build kit -o drop/stranger.airlock.tar.zst --key other.key --generation 9 -q || die "no stranger"
(cd drop && sha256sum stranger.airlock.tar.zst >stranger.airlock.tar.zst.sha256)
head -c 1000 published/*-g2.airlock.tar.zst >drop/half.airlock.tar.zst
sha256sum published/*-g2.airlock.tar.zst | sed 's|published/.*|half.airlock.tar.zst|' >drop/half.airlock.tar.zst.sha256

seed=${REFRESH_SEED:-$(date +%s)} kills=0
RANDOM=$seed
# ROUNDS MILLISECONDS: starts a refresh that often and kills it at some instant below that; counts in `kills`.
killed_refreshes() {
  local round pid
  for round in $(seq "$1"); do
    setsid "$AIRLOCK_SOURCE/packaging/airlock-refresh" >>refresh.log 2>&1 &
    pid=$!
    timeout "0.$(printf %03d $((RANDOM % $2)))" tail --pid="$pid" -f /dev/null
    if kill -KILL -- "-$pid" 2>/dev/null; then kills=$((kills + 1)); fi
    wait "$pid" 2>/dev/null
  done
}
killed_refreshes 12 400
[ "$kills" -gt 0 ] || die "nothing was killed (seed $seed)"
flock outbox/.lock true  # what was killed may take a moment to be gone
status=0
refresh >out.log 2>err.log || status=$?
cp out.log out; cat err.log >err; last="refresh after $kills kills, seed $seed"
[ "$status" = 2 ] || [ "$status" = 0 ] || die "exit status $status"
[ -z "$(ls drop/stranger* 2>/dev/null)" ] && [ -f drop/refused/stranger.airlock.tar.zst ] || die "the stranger was not put away: $(ls -R drop)"
[ -f drop/half.airlock.tar.zst ] || die "a file that is not whole was taken"
[ "$(ls drop/imported/*.airlock.tar.zst | wc -l)" = 2 ] || die "imported: $(ls drop/imported)"
expect 0 airlock bundle list --json
[ "$(json 'sorted((i["generation"], i["active"]) for i in d["items"])')" = '[(1, False), (3, True)]' ] || die "catalog: $(cat out)"
expect 0 airlock ledger verify
expect 0 airlock runs list --json
[ "$(json 'sum(r["state"] == "succeeded" for r in d["items"])')" -ge 1 ] || die "no run succeeded: $(cat out)"

# The evidence is one chain, and a refresh with nothing new adds nothing but says nothing wrong.
previous=()
for file in $(ls outbox/*.audit.tar.zst | sort -V); do
  expect 0 airlock-verify "$file" --key "$AIRLOCK_HOME/keys/site.pub" "${previous[@]}"
  previous=(--previous "$file")
done
count=$(ls outbox/*.audit.tar.zst | wc -l)
expect 0 refresh
[ "$(ls outbox/*.audit.tar.zst | wc -l)" = "$count" ] || die "a refresh with nothing new wrote evidence"
cp published/*-g2.airlock.tar.zst.sha256 drop/
expect 2 refresh
[ -f "$(ls drop/refused/*-g2.airlock.tar.zst)" ] || die "an older generation was not refused"

# A bundle in parts: some come today and some tomorrow, one is half copied; then killed at any instant, with all of them there.
echo 'hello in parts' >kit/data/in/hello.txt
head -c 300000 /dev/urandom >kit/data/in/noise.bin
expect 0 publish kit published
g4=$(cd published && ls -- *-g4.airlock.tar.zst)
expect 0 airlock bundle split "published/$g4" --size $(($(stat -c %s "published/$g4") / 4 + 5000)) -o media
part() { echo "$g4.part0$1-of-04"; }
cp "media/$(part 3)" "media/$(part 1)" drop/
expect 0 refresh
out_has 'waits for its other parts'
[ -f "drop/$(part 3)" ] && [ -f "drop/$(part 1)" ] || die "parts that wait were moved: $(ls -A drop)"
cp "media/$(part 2)" drop/
head -c 9999 "media/$(part 4)" >"drop/$(part 4)"
expect 0 refresh
out_has 'is not whole yet'
[ -z "$(ls drop/refused/*part* drop/imported/*part* 2>/dev/null)" ] || die "parts that wait were put away: $(ls -R drop)"
expect 0 airlock bundle parts list --json
[ "$(json '[i["held"] for i in d["items"]]')" = '[[1, 2, 3]]' ] || die "held: $(cat out)"
cp "media/$(part 4)" drop/
kills=0
killed_refreshes 10 150
flock outbox/.lock true
flock "$AIRLOCK_HOME/incoming/lock" true
expect 0 refresh
last="refresh of parts after $kills kills, seed $seed"
[ "$(ls drop/imported/*part* | wc -l)" = 4 ] && ! ls -A drop | grep -qF "$g4" || die "the parts were not put away: $(ls -RA drop)"
expect 0 airlock bundle list --json
[ "$(json 'max((i["generation"], i["active"]) for i in d["items"])')" = '(4, True)' ] || die "catalog: $(cat out)"
expect 0 airlock bundle parts list --json
[ "$(json 'd["items"]')" = '[]' ] || die "parts are still held: $(cat out)"

# Parts of a bundle that is refused end in refused/, all of them; the next refresh has nothing to do with them.
airlock bundle build kit -o stranger.airlock.tar.zst --key other.key --generation 9 -q || die "no stranger"
airlock bundle split stranger.airlock.tar.zst --size $(($(stat -c %s stranger.airlock.tar.zst) / 2 + 5000)) -o drop -q || die "no parts"
expect 2 refresh
out_has 'was refused'
[ "$(ls drop/refused/stranger*part* | wc -l)" = 2 ] && ! ls -A drop | grep -q stranger || die "refused parts were not put away: $(ls -RA drop)"
expect 0 refresh

# The same with a TUF repository that speaks for the series: a refresh publishes in both, and the site asks for both.
airlock key generate --out tuf -q
airlock trust repo init repo --root-key tuf.pub --targets-key tuf.pub --snapshot-key tuf.pub --timestamp-key tuf.pub -q
airlock trust repo sign repo --key tuf.key -q
airlock trust init --tuf-root repo/metadata/1.root.json -q
expect 2 publish --tuf-repo repo kit series
expect 2 publish --tuf-repo repo --tuf-key other.key kit series
[ -z "$(ls series/*.sha256 2>/dev/null)" ] || die "a kit was published that no target names"
echo 'hello, anew' >kit/data/in/hello.txt  # generation 1 is staged, with what the kit held before: this is 2
expect 0 publish --tuf-repo repo --tuf-key tuf.key kit series
out_has 'published generation 2'
expect 0 publish --tuf-repo repo --tuf-key tuf.key kit series
out_has 'nothing has changed'
sed -i 's/"version": "1.0.0"/"version": "1.1.0"/' kit/bundle.json
for _ in 1 2 3 4; do expect 0 publish --force --tuf-repo repo --tuf-key tuf.key kit series; done
expect 2 airlock bundle import published/*-g3.airlock.tar.zst
err_has 'error[tuf:required]'
expect 0 airlock bundle import series/*-g6.airlock.tar.zst --json
[ "$(json '[c["name"] for c in d["checks"] if c["ok"]].count("tuf")')" = 1 ] || die "TUF was not looked at"
