# What cosign and its kin have signed is checked offline: whom it names, what it is of, and what is refused.
. "$(dirname "$0")/lib.sh"
set_of="$AIRLOCK_SOURCE/fixtures/vectors/sigstore-bundle"
case=$set_of/files/conformance-happy-path-v0.3-new-mediaType/bundle.sigstore.json
root=$set_of/common/trusted_root.production.json
artifact=$set_of/common/a.txt
who='https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main'
issuer=https://token.actions.githubusercontent.com
verify() { airlock bundle verify-sigstore "$case" "$artifact" --trusted-root "$root" "$@"; }
expect 0 verify --identity "$who" --issuer "$issuer"
out_has "$who"; out_has 'log        1 entries'; out_has '2024-03-19'
expect 0 verify --identity "$who" --issuer "$issuer" --json
[ "$(json 'd["issuer"]')" = "$issuer" ] || die "no issuer"
# Its digest is as good.
expect 0 airlock bundle verify-sigstore "$case" "sha256:$(sha256sum <"$artifact" | cut -d' ' -f1)" --trusted-root "$root" --identity "$who" --issuer "$issuer"
expect 2 verify --identity somebody@example.org --issuer "$issuer"
err_has 'error[sigstore:identity]'; err_has "signed by $who"; out_empty
expect 2 verify --identity "$who"
err_has 'belong together'
expect 2 verify
err_has '--identity and --issuer, or --key'
echo other >other
expect 2 airlock bundle verify-sigstore "$case" other --trusted-root "$root" --identity "$who" --issuer "$issuer"
err_has 'error[sigstore:log]'
expect 2 airlock bundle verify-sigstore "$case" "$artifact" --trusted-root "$set_of/common/trusted_root.staging.json" --identity "$who" --issuer "$issuer"
err_has 'error[sigstore:log]'
# A managed key, and one that was not to be believed when it signed.
managed=$set_of/files/conformance-managed-key-and-trusted-root
expect 0 airlock bundle verify-sigstore $managed/bundle.sigstore.json "$artifact" --trusted-root "$set_of"/common/trusted_root.108f29399059.json --key $managed/key.pub
expect 2 airlock bundle verify-sigstore $managed/bundle.sigstore.json "$artifact" --trusted-root "$set_of"/common/trusted_root.108f29399059.json --key $managed/key.pub --key-until 1970-01-01T00:00:01Z
err_has 'error[sigstore:signature]'
# A site can demand it of members: with its bundle one is accepted, without or with another's it is refused.
. "$here/lib_kit.sh"
new_site
export AIRLOCK_TENANT=acme
make_kit kit 1.0.0 1
mkdir kit/data/models
cp "$artifact" kit/data/models/a.bin
python3 - "$root" "$who" "$issuer" "$AIRLOCK_HOME" <<'P'
import json, sys
root, who, issuer, home = sys.argv[1:]
rule = {"requires": "sigstore", "members": "data/models/", "identity": who, "issuer": issuer}
json.dump({"schema": "airlock.sigstore-rules/v1", "trustedRoot": json.load(open(root)), "rules": [rule]}, open(home + "/trust/sigstore.json", "w"))
P
build_kit kit bare.tar.zst
expect 2 airlock bundle import bare.tar.zst
err_has 'error[sigstore:required]'; err_has 'data/models/a.bin.sigstore.json'
cp "$case" kit/data/models/a.bin.sigstore.json
build_kit kit kit.tar.zst
expect 0 airlock bundle import kit.tar.zst
out_has '1 members with a Sigstore bundle that holds'; out_has "$who"
echo other >kit/data/models/a.bin
sed -i 's/"version": "1.0.0", "generation": 1/"version": "1.0.1", "generation": 2/' kit/bundle.json
build_kit kit other.tar.zst
expect 2 airlock bundle import other.tar.zst
err_has 'error[sigstore:log]'; err_has 'data/models/a.bin'
