# run_node.sh TEST.js: runs a peer test in Node, in an empty folder, with the packages that it asks for.
. "$(dirname "$0")/../cli/lib.sh"
. "$here/skip.sh"
need node
peers=${AIRLOCK_PEERS:-$AIRLOCK_SOURCE/build/peers}
for package in $(sed -n "s/.*require('\(@[^']*\|[a-z]*-js\)').*/\1/p" "$1"); do
  [ -d "$peers/node_modules/$package" ] || skip "no package $package in $peers"
done
NODE_PATH="$peers/node_modules" node "$1"
