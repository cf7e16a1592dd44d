# Time at a site: anchors made by a real authority, carried in a bundle, believed, refused, grown stale, and a clock set back.
. "$(dirname "$0")/lib.sh"
. "$here/lib_kit.sh"
new_site
export AIRLOCK_TENANT=acme
# An authority of openssl: a root and a signing certificate.
cat >ca.cnf <<C
[req]
distinguished_name=dn
[dn]
[ca]
basicConstraints=critical,CA:TRUE
[tsa]
basicConstraints=CA:FALSE
keyUsage=digitalSignature
extendedKeyUsage=critical,timeStamping
[t]
serial=$PWD/serial
crypto_device=builtin
signer_digest=sha256
default_policy=1.2.3.4.1
digests=sha256
ess_cert_id_alg=sha256
C
echo 01 >serial
ec='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -config ca.cnf'
{ openssl req -x509 $ec -keyout ca.key -out ca.pem -days 30 -subj /CN=root -extensions ca &&
  openssl req $ec -keyout tsa.key -out tsa.csr -subj /CN=authority &&
  openssl x509 -req -in tsa.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out tsa.pem -days 10 -extfile ca.cnf -extensions tsa; } 2>/dev/null || die openssl
# Publisher: build, ask, put the answer into the folder, build again. The manifest stays the same.
make_kit kit 1.0.0 1
sed -i 's/"tenants"/"budgets": {"feeds": {"warn": 1, "breach": 100000}}, "tenants"/' kit/bundle.json
build_kit kit bare.tar.zst
expect 0 airlock time request bare.tar.zst -o kit.tsq
openssl ts -reply -config ca.cnf -section t -queryfile kit.tsq -signer tsa.pem -inkey tsa.key -out kit.tsr 2>/dev/null || die 'ts -reply'
expect 0 airlock time verify kit.tsr --query kit.tsq --tsa ca.pem
out_has 'by CN=authority'
expect 2 airlock time verify kit.tsr --data kit.tsq --tsa ca.pem
err_has 'error[time:imprint]'
expect 2 airlock time verify kit.tsr --query kit.tsq --tsa tsa.key
expect 2 airlock time anchor kit.tsr --bundle bare.tar.zst -o kit
err_has 'error[time:roots-required]'
expect 0 airlock time anchor kit.tsr --bundle bare.tar.zst -o kit --tsa ca.pem
build_kit kit kit.tar.zst
# Site: without roots the anchor is refused, under others too, and nothing became active.
expect 2 airlock bundle import kit.tar.zst
err_has 'error[time:roots-required]'
openssl req -x509 $ec -keyout x.key -out other.pem -days 30 -subj /CN=other -extensions ca 2>/dev/null
expect 0 airlock time init --tsa other.pem
expect 2 airlock bundle import kit.tar.zst
err_has 'error[time:signature]'
expect 2 airlock time init --tsa ca.pem
err_has 'already-exists'
expect 0 airlock time init --tsa ca.pem --replace
expect 0 airlock bundle import kit.tar.zst
out_has 'CN=authority'
expect 0 airlock time show --json
[ "$(json 'd["anchor"]["bundleId"], d["categories"][0]["category"], d["rolledBack"]')" = "('demo-kit', 'feeds', False)" ] || die "show: $(cat out)"
[ "$(json '99000 < d["categories"][0]["seconds_remaining"] <= 100000')" = True ] || die "remaining: $(cat out)"
expect 0 airlock run demo
# A kit whose budget is used up at once: refused by name, unless somebody answers for it.
make_kit old 1.1.0 2
sed -i 's/"tenants"/"budgets": {"feeds": {"warn": 1, "breach": 1}}, "tenants"/' old/bundle.json
build_kit old old.tar.zst
expect 0 airlock time request old.tar.zst -o old.tsq
openssl ts -reply -config ca.cnf -section t -queryfile old.tsq -signer tsa.pem -inkey tsa.key -out old.tsr 2>/dev/null
expect 0 airlock time anchor old.tsr --bundle old.tar.zst -o old --tsa ca.pem
build_kit old old.tar.zst
while [ "$(date +%s)" -le "$(($(date +%s -r old.tsr) + 1))" ]; do :; done
expect 6 airlock bundle import old.tar.zst
err_has 'error[stale:feeds]'
expect 3 airlock bundle import old.tar.zst --allow-stale feeds
expect 0 airlock bundle import old.tar.zst --allow-stale feeds --reason 'no newer one' --ticket OPS-1
expect 6 airlock run demo
err_has 'error[stale:feeds]'; err_has 'remedy: '
expect 3 airlock run demo --allow-stale feeds
expect 0 airlock run demo --allow-stale feeds --reason 'no newer one' --ticket OPS-1
expect 6 airlock time show --check
err_has 'error[stale:feeds]'
# A mark of tomorrow: the clock now stands behind what was seen.
expect 0 airlock ledger verify
python3 - "$AIRLOCK_HOME/ledger.db" <<'P'
import datetime, json, sqlite3, sys
db = sqlite3.connect(sys.argv[1])
mark = json.loads(db.execute("SELECT value FROM airgap_state WHERE tenant = '' AND key = 'time.high_water'").fetchone()[0])
mark["time"] = (datetime.datetime.utcnow() + datetime.timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
db.execute("UPDATE airgap_state SET value = ? WHERE tenant = '' AND key = 'time.high_water'", [json.dumps(mark, sort_keys=True, separators=(",", ":"))])
db.commit()
P
expect 6 airlock run demo --allow-stale feeds --reason r --ticket t
err_has 'error[time:clock-rollback]'
expect 6 airlock bundle import old.tar.zst --allow-stale feeds --reason r --ticket t
err_has 'error[time:clock-rollback]'
expect 6 airlock time show --check
expect 3 airlock time reset
expect 0 airlock time reset --reason 'clock was wrong' --ticket OPS-2
expect 0 airlock run demo --allow-stale feeds --reason r --ticket t
expect 0 airlock ledger verify
# A Roughtime answer of a published server.
rough=$AIRLOCK_SOURCE/fixtures/vectors/roughtime/files
expect 0 airlock time verify "$rough/draft-appendix-b-0/response.bin" --request "$rough/draft-appendix-b-0/request.bin" --roughtime-key "draft=FnDyLV/68ephhLdFJbdEGCdkVvpXDaVe5PYvRDdlOOY="
out_has '2026-03-16T'
expect 2 airlock time verify "$rough/draft-appendix-b-1/response.bin" --request "$rough/draft-appendix-b-0/request.bin" --roughtime-key "draft=FnDyLV/68ephhLdFJbdEGCdkVvpXDaVe5PYvRDdlOOY="
