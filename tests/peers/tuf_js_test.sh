# A TUF repository that airlock wrote, through a rotation of keys, in somebody else's client (tuf_js.js).
. "$(dirname "$0")/../cli/lib.sh"
. "$here/../cli/lib_kit.sh"
. "$here/skip.sh"
need node
peers=${AIRLOCK_PEERS:-$AIRLOCK_SOURCE/build/peers}
[ -d "$peers/node_modules/tuf-js" ] || skip "no package tuf-js in $peers"
export NODE_PATH="$peers/node_modules"
fetch() { expect "$1" node "$here/tuf_js.js" repo repo/metadata/1.root.json "$2"; }

for role in pub root targets snapshot timestamp root2 targets2; do airlock key generate --out "$role" -q || die "no key"; done
keys=(--key root.key --key targets.key --key snapshot.key --key timestamp.key)
expect 0 airlock trust repo init repo --root-key root.pub --targets-key targets.pub --snapshot-key snapshot.pub --timestamp-key timestamp.pub
make_kit kit 1.0.0 1
build_kit kit one.tar.zst
expect 0 airlock trust repo add repo one.tar.zst
expect 0 airlock trust repo sign repo "${keys[@]}"
fetch 0 demo-kit/1.json
grep -q '"bundleId":"demo-kit"' out || die "not the manifest"
fetch 1 demo-kit/2.json

expect 0 airlock trust repo rotate repo --role root --add-key root2.pub --threshold 2
expect 0 airlock trust repo rotate repo --role targets --add-key targets2.pub --remove-key "$(airlock key show targets.pub --json | python3 -c 'import json,sys; print(json.load(sys.stdin)["keyId"])')"
expect 0 airlock trust repo sign repo "${keys[@]}" --key root2.key --key targets2.key
out_has 'published  2.root.json'; out_has 'published  timestamp.json'
fetch 0 demo-kit/1.json

# It is a check: one byte changed, and the peer refuses, too.
sed -i 's/"version":2/"version":3/' repo/metadata/timestamp.json
fetch 1 demo-kit/1.json
