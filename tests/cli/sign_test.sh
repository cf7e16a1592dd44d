# A bundle gets a second signature after it was built, by a key under a passphrase, and is checked without a site.
. "$(dirname "$0")/lib.sh"
. "$here/lib_kit.sh"
unset AIRLOCK_HOME
export AIRLOCK_PASSPHRASE='for the tests'

airlock key generate --out pub -q
airlock key generate --out review --algorithm ecdsa-p384 --encrypt -q
make_kit kit 1.0.0 1
build_kit kit one.tar.zst
chmod 640 one.tar.zst
cp one.tar.zst before
expect 2 airlock bundle verify one.tar.zst --key pub.pub --key review.pub --threshold 2
err_has 'error[dsse:threshold]'
expect 0 airlock bundle sign one.tar.zst --key review.key --json
[ "$(json 'd["signatures"]')" = 2 ] || die "signatures: $(cat out)"
copied=$(json 'd["copiedBytes"]')
cmp -s <(tail -c "$copied" before) <(tail -c "$copied" one.tar.zst) || die "the payload was touched"
[ "$(stat -c %a one.tar.zst)" = 640 ] || die "the mode was changed"
expect 0 airlock bundle verify one.tar.zst --key pub.pub --key review.pub --threshold 2
cp one.tar.zst signed
expect 0 airlock bundle sign one.tar.zst --key review.key
cmp -s signed one.tar.zst || die "signing again changed the bundle"
AIRLOCK_PASSPHRASE=wrong expect 2 airlock bundle sign one.tar.zst --key review.key
err_has 'error[key:passphrase]'
cmp -s signed one.tar.zst || die "a refused signature changed the bundle"
expect 2 airlock bundle sign pub.pub --key pub.key
expect 2 airlock bundle sign one.tar.zst
[ "$(ls | grep -c building)" = 0 ] || die "something was left behind"
