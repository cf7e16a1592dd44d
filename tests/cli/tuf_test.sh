# TUF from both sides: a publisher with a key a role, and a site that follows it through a rotation.
. "$(dirname "$0")/lib.sh"
. "$here/lib_kit.sh"
export AIRLOCK_TENANT=acme

new_site
for role in root targets snapshot timestamp root2; do airlock key generate --out "$role" -q || die "no key"; done
keys=(--key root.key --key targets.key --key snapshot.key --key timestamp.key)

# The publisher's side.
expect 0 airlock trust repo init repo --root-key root.pub --targets-key targets.pub --snapshot-key snapshot.pub --timestamp-key timestamp.pub --timestamp-lifetime 10d
expect 2 airlock trust repo init repo --root-key root.pub --targets-key targets.pub --snapshot-key snapshot.pub --timestamp-key timestamp.pub
err_has 'error[already-exists]'
expect 0 airlock trust repo sign repo --key root.key
out_has 'published  1.root.json'; out_has 'waiting    targets 1'
expect 0 airlock trust repo sign repo --key targets.key --key snapshot.key --key timestamp.key
out_has 'published  timestamp.json'
make_kit kit 1.0.0 1
expect 2 airlock bundle build kit -o one.tar.zst --key pub.key --tuf-repo repo
err_has 'error[tuf:target]'
build_kit kit bare.tar.zst
expect 0 airlock trust repo add repo bare.tar.zst
out_has 'demo-kit/1.json is staged'
expect 0 airlock trust repo sign repo "${keys[@]}"
expect 0 airlock bundle build kit -o one.tar.zst --key pub.key --tuf-repo repo

# The site: bound to the first root, it takes nothing without metadata.
expect 0 airlock trust init --tuf-root repo/metadata/1.root.json --repository kits
out_has 'for *, required, a new root needs 2 people'
expect 2 airlock trust init --tuf-root repo/metadata/1.root.json --repository kits
err_has 'error[already-exists]'
expect 2 airlock bundle import bare.tar.zst
err_has 'error[tuf:required]'
expect 0 airlock bundle verify one.tar.zst
expect 0 airlock bundle import one.tar.zst
out_has 'targets names "demo-kit/1.json"'
cmp -s repo/metadata/timestamp.json "$AIRLOCK_HOME/trust/tuf/kits/timestamp.json" || die "the trusted timestamp is not the published one"

# A new root comes in a bundle: two people must agree.
expect 0 airlock trust repo rotate repo --role root --add-key root2.pub --threshold 2
expect 0 airlock trust repo sign repo "${keys[@]}"
out_lacks 'published  2.root.json'
expect 0 airlock trust repo sign repo --key root2.key
out_has 'published  2.root.json'
expect 2 airlock trust repo rotate repo --role root --add-key root2.pub
err_has 'error[rotation:no-change]'
make_kit kit 2.0.0 2
build_kit kit bare.tar.zst
expect 0 airlock trust repo add repo bare.tar.zst
expect 0 airlock trust repo sign repo "${keys[@]}"
expect 0 airlock bundle build kit -o two.tar.zst --key pub.key --tuf-repo repo
expect 3 airlock bundle import two.tar.zst
err_has 'error[rotation:unapproved]'
digest=sha256:$(sha256sum repo/metadata/2.root.json | cut -d' ' -f1)
expect 0 airlock trust show
out_has "$digest"; out_has 'root: threshold 1 -> 2'; out_has 'approved by 0 of 2'
expect 4 airlock trust approve-root "sha256:$(printf 0%.0s {1..64})" --actor alice
expect 0 airlock trust approve-root "$digest" --actor alice
expect 3 airlock trust approve-root "$digest" --actor alice
err_has 'error[rotation:same-person]'
expect 3 airlock bundle import two.tar.zst
expect 0 airlock trust approve-root "$digest" --actor bob --reason 'compared by telephone'
expect 0 airlock bundle import two.tar.zst --json
[ "$(json '[c["name"] for c in d["checks"]]')" = "['plan', 'signature', 'tenant', 'tuf', 'space', 'archive', 'members', 'rotation', 'generation', 'time', 'specs']" ] || die "other checks"
expect 8 airlock bundle import one.tar.zst
err_has 'error[tuf:rollback]'

# Fresh metadata may cross the gap alone.
expect 0 airlock trust repo sign repo "${keys[@]}" --renew timestamp
expect 0 airlock trust refresh --from repo
out_has 'timestamp 4'
expect 0 airlock trust show --json
[ "$(json 'd["repositories"][0]["root"]["version"]')" = 2 ] || die "root 2 is not trusted"
rm repo/metadata/timestamp.json
expect 2 airlock trust refresh --from repo
err_has 'error[tuf:missing]'

# Whom the site believes is part of every tenant's history.
expect 0 airlock audit export -o evidence.tar.zst
zstd -dcq evidence.tar.zst | tar -xOf - history.jsonl >history
[ "$(grep -c '"kind":"trust\.root_approved"' history)" = 2 ] && grep -q '"kind":"trust\.refreshed"' history || die "the history says nothing of trust: $(cut -c1-200 history)"
expect 0 airlock ledger verify
