# The signatures of our envelopes in the eyes of python-securesystemslib, the library of in-toto and TUF.
. "$(dirname "$0")/../cli/lib.sh"
. "$here/skip.sh"
need openssl zstd tar
python=/usr/bin/python3  # the one that Debian's packages belong to
$python -c "import securesystemslib.signer, nacl, cryptography" 2>/dev/null || skip "no python3-securesystemslib, python3-nacl, python3-cryptography"
cat > check.py <<'PY'
import base64, json, subprocess, sys
from securesystemslib.exceptions import UnverifiedSignatureError
from securesystemslib.signer import Signature, SSlibKey

pem, keytype, scheme = sys.argv[1:]
public = open(pem).read()
if keytype == "ed25519":
    public = subprocess.run(["openssl", "pkey", "-pubin", "-in", pem, "-outform", "DER"], check=True, capture_output=True).stdout[-32:].hex()
key = SSlibKey("ab", keytype, scheme, {"public": public})
envelope = json.load(open("manifest.dsse.json"))
payload, kind = base64.b64decode(envelope["payload"]), envelope["payloadType"].encode()
pae = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
signature = Signature("ab", base64.b64decode(envelope["signatures"][0]["sig"]).hex())
key.verify_signature(signature, pae)
try:
    key.verify_signature(signature, payload)
except UnverifiedSignatureError:
    sys.exit(0)
sys.exit("the bare payload was taken for PAE")
PY
mkdir -p kit/data
echo a > kit/data/a.txt
echo '{"bundleId": "peers", "kind": "data", "version": "1.0.0", "generation": 1, "producer": "tests", "tenants": ["*"], "createdAt": "2026-01-01T00:00:00Z"}' > kit/bundle.json
while read -r algorithm keytype scheme; do
  expect 0 airlock key generate --out $algorithm --algorithm $algorithm
  expect 0 airlock bundle build kit -o kit.tar.zst --key $algorithm.key
  zstd -dcq kit.tar.zst | tar -xf - manifest.dsse.json
  expect 0 $python check.py $algorithm.pub $keytype $scheme
done <<'T'
ed25519 ed25519 ed25519
ecdsa-p256 ecdsa ecdsa-sha2-nistp256
ecdsa-p384 ecdsa ecdsa-sha2-nistp384
T
