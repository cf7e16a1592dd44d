# Keys are made once, closed to others, and are what OpenSSL makes and reads.
. "$(dirname "$0")/lib.sh"

expect 0 airlock key generate --out pub
out_has "$(openssl pkey -pubin -in pub.pub -outform DER | sha256sum | cut -d' ' -f1)"
[ "$(stat -c %a pub.key)" = 600 ] || die "private key has mode $(stat -c %a pub.key)"
[ "$(openssl pkey -in pub.key -pubout)" = "$(cat pub.pub)" ] || die "the halves do not belong together"
cp pub.key before
expect 2 airlock key generate --out pub
err_has 'error[already-exists]'
cmp -s before pub.key || die "an existing key was overwritten"
expect 0 airlock key show pub.pub --json
[ "$(json 'd["private"]')" = False ] || die "public key called private"
openssl genpkey -algorithm ed25519 -out theirs.key 2>/dev/null
expect 0 airlock key show theirs.key
out_lacks 'BEGIN PRIVATE'
openssl genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:2048 -out rsa.key 2>/dev/null
openssl pkey -in rsa.key -pubout -out rsa.pub 2>/dev/null
expect 0 airlock key show rsa.key
out_has 'rsa-2048'; out_has 'airlock signs with no key of this kind'; out_lacks 'BEGIN PRIVATE'
expect 0 airlock key show rsa.pub --json
[ "$(json 'd["algorithm"], d["keyId"]')" = "('rsa-2048', '$(openssl pkey -pubin -in rsa.pub -outform DER | sha256sum | cut -d' ' -f1)')" ] || die "rsa: $(cat out)"
openssl genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:1024 -out weak.key 2>/dev/null
expect 2 airlock key show weak.key
err_has 'error[key:unsupported]'

# ECDSA, and the older forms of other tools.
for curve in p256 p384; do
  expect 0 airlock key generate --out $curve --algorithm ecdsa-$curve
  out_has "ecdsa-$curve"
  [ "$(openssl pkey -in $curve.key -pubout)" = "$(cat $curve.pub)" ] || die "the halves of $curve do not belong together"
done
expect 2 airlock key generate --out x --algorithm rsa
err_has 'error[usage]'
expect 2 airlock key generate --site --algorithm ecdsa-p256
openssl ecparam -name prime256v1 -genkey -noout -out sec1.key 2>/dev/null
expect 0 airlock key import sec1.key --out imported
[ "$(openssl pkey -in sec1.key -pubout)" = "$(cat imported.pub)" ] || die "another key came out of the import"
grep -q 'BEGIN PRIVATE KEY' imported.key || die "not PKCS#8"
expect 2 airlock key import sec1.key --out imported
err_has 'error[already-exists]'

# Under a passphrase: from a descriptor, the environment, a terminal; never from the command line, never printed.
expect 3 airlock key generate --out sealed --encrypt
err_has 'error[key:passphrase-required]'
[ ! -e sealed.key ] || die "a key without its passphrase was written"
AIRLOCK_PASSPHRASE='correct horse' expect 0 airlock key generate --out sealed --encrypt --algorithm ecdsa-p256
out_lacks 'correct horse'; grep -q 'ENCRYPTED SIGSTORE PRIVATE KEY' sealed.key || die "not the container"
[ "$(stat -c %a sealed.key)" = 600 ] || die "sealed key has mode $(stat -c %a sealed.key)"
id=$(AIRLOCK_PASSPHRASE='correct horse' airlock key show sealed.key --json | python3 -c 'import json,sys; print(json.load(sys.stdin)["keyId"])')
[ "$id" = "$(openssl pkey -pubin -in sealed.pub -outform DER | sha256sum | cut -d' ' -f1)" ] || die "another key is inside"
AIRLOCK_PASSPHRASE=wrong expect 2 airlock key show sealed.key
err_has 'error[key:passphrase]'
expect 0 airlock key show sealed.key
out_has 'encrypted container'; out_has 'unknown without the passphrase'
echo data > file
printf 'correct horse\n' > pass
with_fd() { airlock "$@" --passphrase-fd 7 7<pass; }
expect 0 with_fd key sign file --key sealed.key --format raw
expect 0 airlock key verify file --key sealed.pub
expect 0 airlock key import sec1.key --out typed -q
rm typed.key typed.pub
cat > type.py <<'PY'
import os, pty, sys
child, terminal = pty.fork()
if child == 0:
    os.execvp("airlock", ["airlock", "key", "generate", "--out", "typed", "--encrypt"])
seen = b""
for question in (b"New passphrase", b"The same again"):
    while question not in seen or not seen.endswith(b": "):
        seen += os.read(terminal, 1024)
    seen = b""
    os.write(terminal, b"typed by hand\n")
try:
    while more := os.read(terminal, 1024):
        seen += more
except OSError:
    pass
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
sys.exit(1 if b"by hand" in seen else status)
PY
expect 0 python3 type.py
AIRLOCK_PASSPHRASE='typed by hand' expect 0 airlock key show typed.key
out_has "$(openssl pkey -pubin -in typed.pub -outform DER | sha256sum | cut -d' ' -f1)"

# Detached signatures.
expect 0 airlock key show pub.pub --format minisign
cp out minisign.pub
expect 0 airlock key show minisign.pub
out_has minisign; out_has "$(openssl pkey -pubin -in pub.pub -outform DER | sha256sum | cut -d' ' -f1)"
expect 0 airlock key sign file --key pub.key --comment 'from the tests'
expect 0 airlock key verify file --key minisign.pub
out_has 'from the tests'
echo more >> file
expect 2 airlock key verify file --key minisign.pub --json
python3 -c 'import json; assert json.load(open("err"))["error"]["code"] == "signature:invalid"' || die "no JSON refusal: $(cat err)"
expect 4 airlock key verify pass --key minisign.pub
expect 2 airlock key sign file --key p256.key
err_has 'error[key:unsupported]'

echo nonsense > no.pub
expect 2 airlock key show no.pub
err_has 'error[key:unreadable]'
expect 4 airlock key show missing.pub
expect 0 airlock key generate --site
[ "$(stat -c %a "$AIRLOCK_HOME/keys")" = 700 ] || die "keys/ is open to others"
expect 2 airlock key generate --site
