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
out_lacks 'PRIVATE'
openssl genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:2048 -out rsa.key 2>/dev/null
expect 2 airlock key show rsa.key
err_has 'error[key:'
echo nonsense > no.pub
expect 2 airlock key show no.pub
err_has 'error[key:unreadable]'
expect 4 airlock key show missing.pub
expect 0 airlock key generate --site
[ "$(stat -c %a "$AIRLOCK_HOME/keys")" = 700 ] || die "keys/ is open to others"
expect 2 airlock key generate --site
