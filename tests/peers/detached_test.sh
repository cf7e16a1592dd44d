# minisign, signify and openssl check what airlock signs, and airlock what they sign.
. "$(dirname "$0")/../cli/lib.sh"
. "$here/skip.sh"
need minisign signify-openbsd openssl
echo data > file
echo other > other
airlock key generate --out ours -q
refused() { err_has 'error[signature:'; }

airlock key show ours.pub --format minisign > ours.minisign
expect 0 airlock key sign file --key ours.key --comment 'trusted, they say'
expect 0 minisign -Vm file -p ours.minisign
out_has 'trusted, they say'
cp file.minisig other.minisig
expect 1 minisign -Vm other -p ours.minisign
expect 0 minisign -G -W -f -p theirs.pub -s theirs.key
for form in '' -l; do  # prehashed, and the older form
  expect 0 minisign -S $form -W -s theirs.key -t 'from them' -m file
  expect 0 airlock key verify file --key theirs.pub
  out_has 'from them'
  cp file.minisig other.minisig
  expect 2 airlock key verify other --key theirs.pub
  refused
  sed -i 's/from them/from whom/' file.minisig
  expect 2 airlock key verify file --key theirs.pub
  refused
done
rm -f ./*.minisig

airlock key show ours.pub --format signify > ours.signify
expect 0 airlock key sign file --key ours.key --format signify
expect 0 signify-openbsd -V -p ours.signify -x file.sig -m file
expect 1 signify-openbsd -V -p ours.signify -x file.sig -m other
expect 0 signify-openbsd -G -n -p signify.pub -s signify.sec
expect 0 signify-openbsd -S -s signify.sec -x file.sig -m file
expect 0 airlock key verify file --key signify.pub
out_has '(signify)'
expect 2 airlock key verify other --key signify.pub --signature file.sig
refused

for algorithm in ecdsa-p256 ecdsa-p384; do
  airlock key generate --out $algorithm --algorithm $algorithm -q
  expect 0 airlock key sign file --key $algorithm.key --format raw
  base64 -d file.sig > raw
  hash=sha256
  [ $algorithm = ecdsa-p256 ] || hash=sha384
  expect 0 openssl dgst -$hash -verify $algorithm.pub -signature raw file
  expect 1 openssl dgst -$hash -verify $algorithm.pub -signature raw other
  openssl dgst -$hash -sign $algorithm.key -out file.sig file
  expect 0 airlock key verify file --key $algorithm.pub
  expect 2 airlock key verify other --key $algorithm.pub --signature file.sig
  refused
done
openssl genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:3072 -out rsa.key 2>/dev/null
openssl pkey -in rsa.key -pubout -out rsa.pub
for padding in 'rsa_padding_mode:pkcs1' 'rsa_padding_mode:pss'; do
  openssl dgst -sha256 -sigopt $padding -sign rsa.key -out file.sig file
  expect 0 airlock key verify file --key rsa.pub
  expect 2 airlock key verify other --key rsa.pub --signature file.sig
done
