# The encrypted container in the eyes of Python's hashlib and PyNaCl: ours opens there, theirs here.
. "$(dirname "$0")/../cli/lib.sh"
. "$here/skip.sh"
need python3 openssl
python=/usr/bin/python3  # the one that Debian's packages belong to
$python -c "import nacl.secret" 2>/dev/null || skip "no python3-nacl"
cat > container.py <<'PY'
import base64, hashlib, json, os, sys
import nacl.secret

HEAD, TAIL = "-----BEGIN ENCRYPTED %s PRIVATE KEY-----", "-----END ENCRYPTED %s PRIVATE KEY-----"
b64 = base64.b64encode


def box(password, salt, n):
    return nacl.secret.SecretBox(hashlib.scrypt(password, salt=salt, n=n, r=8, p=1, maxmem=1 << 28, dklen=32))


def unseal(pem, password):
    d = json.loads(base64.b64decode("".join(pem.split("\n")[1:-2])))
    assert d["kdf"]["name"] == "scrypt" and d["cipher"]["name"] == "nacl/secretbox"
    salt, nonce = base64.b64decode(d["kdf"]["salt"]), base64.b64decode(d["cipher"]["nonce"])
    return box(password, salt, d["kdf"]["params"]["N"]).decrypt(base64.b64decode(d["ciphertext"]), nonce)


def seal(plaintext, password, n, word):
    salt, nonce = os.urandom(32), os.urandom(24)
    sealed = box(password, salt, n).encrypt(plaintext, nonce).ciphertext
    d = {"kdf": {"name": "scrypt", "params": {"N": n, "r": 8, "p": 1}, "salt": b64(salt).decode()},
         "cipher": {"name": "nacl/secretbox", "nonce": b64(nonce).decode()}, "ciphertext": b64(sealed).decode()}
    text = b64(json.dumps(d).encode()).decode()
    lines = [text[i:i + 64] for i in range(0, len(text), 64)]
    return "\n".join([HEAD % word, *lines, TAIL % word, ""])


if sys.argv[1] == "unseal":
    sys.stdout.buffer.write(unseal(open(sys.argv[2]).read(), b"the passphrase"))
else:
    sys.stdout.write(seal(open(sys.argv[2], "rb").read(), b"the passphrase", int(sys.argv[3]), sys.argv[4]))
PY
export AIRLOCK_PASSPHRASE='the passphrase'
for algorithm in ed25519 ecdsa-p256 ecdsa-p384; do
  expect 0 airlock key generate --out $algorithm --algorithm $algorithm --encrypt
  expect 0 $python container.py unseal $algorithm.key
  cp out key.der
  [ "$(openssl pkey -inform DER -in key.der -pubout)" = "$(cat $algorithm.pub)" ] || die "$algorithm: another key is inside"
  for form in '32768 COSIGN' '65536 SIGSTORE' '131072 SIGSTORE'; do
    expect 0 $python container.py seal key.der $form
    cp out theirs.key
    expect 0 airlock key show theirs.key
    out_has "$(openssl pkey -pubin -in $algorithm.pub -outform DER | sha256sum | cut -d' ' -f1)"
  done
done
