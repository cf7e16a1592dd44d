# A plugin whose root file system is an OCI image layout of its bundle: built, imported, run, cached, exported, verified, pruned.
. "$(dirname "$0")/lib.sh"
. "$here/lib_kit.sh"
. "$here/lib_image.sh"
export AIRLOCK_TENANT=acme
new_site
make_kit kit 1.0.0 1

# Two layers: a shell with what it loads, and above it a file that goes, one that changes, one that is set-id, links out.
mkdir -p base top/etc
take_program base "$(readlink -f /bin/sh)"
mkdir -p base/bin base/etc base/dev base/proc
[ -e base/bin/sh ] || ln -s "$(readlink -f /bin/sh)" base/bin/sh
echo old >base/etc/changed; echo gone >base/etc/removed; echo fake >base/dev/null; echo fake >base/proc/version
echo new >top/etc/changed; : >top/etc/.wh.removed
cp base"$(readlink -f /bin/sh)" top/etc/setid; chmod 6755 top/etc/setid
ln -s ../../../../../../etc/passwd top/etc/escape; ln -s etc top/link
make_layout kit/data/images/shell base top

plugin=kit/plugins/script/1.0.0
mkdir -p $plugin/bin
cat >$plugin/plugin.json <<'J'
{"name": "script", "version": "1.0.0", "entrypoint": "bin/look", "interpreter": "bin/sh", "rootfs": "data/images/shell", "deterministic": true}
J
cat >$plugin/bin/look <<'S'
read changed </link/changed; read null </dev/null && null=something || null=nothing
[ -e /etc/removed ] && removed=there || removed=gone
[ -u /etc/setid ] || [ -g /etc/setid ] && setid=kept || setid=dropped
[ -e /etc/escape ] && escape=there || escape=nowhere
(echo x >/etc/new) 2>/dev/null && written=yes || written=no
(echo x >/new) 2>/dev/null && written=yes
[ -e /home ] || [ -e /sys ] || [ -e /var ] && host=seen || host=unseen
echo "changed=$changed removed=$removed null=$null setid=$setid escape=$escape written=$written host=$host env=${FROM_IMAGE:-none} $1" >/out/seen.txt
S
add_dag kit look '[{id: one, plugin: script@1.0.0, args: [first], outputs: [{path: seen.txt}]},
    {id: two, plugin: script@1.0.0, args: [second], outputs: [{path: seen.txt}]}]'

expect 0 airlock plugin check $plugin
out_has 'sound image layout'
# What could not be unpacked is not packed: a layer that is missing, or another one; no layout at all.
layer=$(ls -S kit/data/images/shell/blobs/sha256/* | head -1)
mv "$layer" aside
expect 2 airlock plugin check $plugin
err_has 'data/images/shell'; err_has 'oci:missing'
expect 2 airlock bundle build kit -o broken.tar.zst --key pub.key
err_has 'plugins/script/1.0.0/plugin.json'; err_has 'oci:missing'
(cat aside; echo) >"$layer"
expect 2 airlock bundle build kit -o broken.tar.zst --key pub.key
err_has 'oci:digest'
mv aside "$layer"
mv kit/data/images/shell/index.json aside
expect 2 airlock bundle build kit -o broken.tar.zst --key pub.key
err_has 'data/images/shell/index.json'
[ ! -e broken.tar.zst ] || die "a bundle was left"
mv aside kit/data/images/shell/index.json
build_kit kit kit.tar.zst
expect 0 airlock bundle verify kit.tar.zst --key pub.pub
expect 0 airlock bundle import kit.tar.zst
expect 0 airlock run look --json
run=$(json 'd["runId"]')
expect 0 airlock artifact get "$run" one seen.txt
out_has 'changed=new removed=gone null=nothing setid=dropped escape=nowhere written=no host=unseen env=none first'
expect 0 airlock artifact get "$run" two seen.txt
out_has 'second'
[ "$(ls "$AIRLOCK_HOME/images" | wc -l)" = 1 ] || die "not one image: $(ls -a "$AIRLOCK_HOME/images")"
image=$(ls "$AIRLOCK_HOME/images")
expect 0 airlock run look --json
[ "$(json 'd["steps"]["cached"]')" = 2 ] || die "not from the cache"
listing=$(stat -c %i "$AIRLOCK_HOME/images/$image/listing")
expect 0 airlock replay "$run"
out_has identical
[ "$(stat -c %i "$AIRLOCK_HOME/images/$image/listing")" = "$listing" ] || die "unpacked again"

# What was changed on the disk is not used.
echo evil >"$AIRLOCK_HOME/images/$image/root/etc/changed"
expect 0 airlock run look --json --no-cache
expect 0 airlock artifact get "$(json 'd["runId"]')" one seen.txt
out_has 'changed=new'

expect 0 airlock audit export -o evidence.tar.zst
expect 0 airlock audit verify evidence.tar.zst --key "$AIRLOCK_HOME/keys/site.pub"

# An image goes with the last generation that brought it.
rm -r kit/data/images $plugin kit/dags/look.yaml
for generation in 2 3; do
  sed -i "s/\"version\": \"[^\"]*\", \"generation\": [0-9]*/\"version\": \"$generation.0.0\", \"generation\": $generation/" kit/bundle.json
  build_kit kit kit$generation.tar.zst
  expect 0 airlock bundle import kit$generation.tar.zst
done
expect 0 airlock bundle prune --keep 3 --json
[ "$(json 'd["images"]')" = '[]' ] || die "an image went while its layout was there"
expect 0 airlock bundle prune --keep 1 --json
[ "$(json 'd["images"]')" = "['$image']" ] || die "the image did not go: $(cat out)"
[ -z "$(ls "$AIRLOCK_HOME/images")" ] || die "left: $(ls "$AIRLOCK_HOME/images")"
