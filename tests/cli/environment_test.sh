# C106 Odd surroundings: output that is closed or full, no locale, any mask, few open files, little memory. Whatever they are,
# an import is whole or it is not there, and nothing that was said lands in a file that was opened since.
. "$(dirname "$0")/lib.sh"
. "$here/lib_kit.sh"
new_site
export AIRLOCK_TENANT=acme
make_kit kit 1.0.0 1
head -c 3000000 /dev/urandom >kit/data/in/big
mkdir -p "kit/data/in/Grüße"
echo names >"kit/data/in/Grüße/日本.txt"
build_kit kit one.tar.zst
untouched=$AIRLOCK_HOME

blobs() { (cd "$1/cas" && find . -type f ! -name lock ! -path './tmp/*' -exec openssl sha256 -r {} + | sort -k 2); }
bundles() { AIRLOCK_HOME=$PWD/$1 expect 0 airlock bundle list --json; json '[(i["bundleId"], i["generation"], i["manifestSha256"]) for i in d["items"]]'; }
# What the site should be after it has imported FILE.
expected_of() {
  chmod -R u+w reference 2>/dev/null
  rm -rf reference && cp -a "$untouched" reference
  AIRLOCK_HOME=$PWD/reference expect 0 airlock bundle import "$1"
  bundles reference >listed
  blobs reference >blobs
}
expected_of one.tar.zst

# surroundings STATUS SHELL: the import under these settings, by a shell that execs it, on a copy of the site.
surroundings() {
  local want=$1 got
  last=$2
  chmod -R u+w site 2>/dev/null
  rm -rf site && cp -a "$untouched" site
  (export AIRLOCK_HOME=$PWD/site; eval "$2") 2>err
  got=$?
  [ "$got" = "$want" ] || die "exit status $got instead of $want: $2"
}
whole() {
  bundles site >listed.now
  cmp -s listed.now listed || die "$1: not imported: $(cat out)"
  AIRLOCK_HOME=$PWD/site expect 0 airlock ledger verify
  blobs site | cmp -s - blobs || die "$1: other blobs than a quiet import has, by name or by content"
  [ -z "$(find site/cas site/ledger.db* -perm /0022)" ] || die "$1: others may write: $(find site/cas site/ledger.db* -perm /0022)"
}

# Output. What was done is done; that it could not be told is the exit status, and no claim that nothing was changed.
for closed in '>&-' '>/dev/full' '--json >&-' '--json >/dev/full' '>&- 2>&-' '>&- 2>&- <&-' '<&- 2>&- >/dev/full'; do
  surroundings 1 "exec airlock bundle import one.tar.zst $closed"
  ! grep -q 'nothing was changed' err || die "it says that nothing was changed: $closed"
  whole "$closed"
done
for closed in '2>&- >/dev/null' '2>/dev/full >/dev/null' '<&- >/dev/null' '-q >&- 2>&- <&-'; do
  surroundings 0 "exec airlock bundle import one.tar.zst $closed"
  whole "$closed"
done
surroundings 2 "exec airlock bundle import pub.pub >&- 2>&- <&-"
surroundings 2 "exec airlock bundle verify pub.pub --key pub.pub >/dev/full"
for closed in '>&-' '2>&-' '>&- 2>&-' '>&- 2>&- <&-' '>/dev/full'; do
  rm -f two.tar.zst
  (eval "exec airlock bundle build kit -o two.tar.zst --key pub.key $closed") >out 2>err
  cmp -s one.tar.zst two.tar.zst || die "another bundle was built with $closed"
  rm -f k k.pub k.key
  (eval "exec airlock key generate --out k $closed") >out 2>err
  expect 0 airlock bundle build kit -o three.tar.zst --key k.key
  expect 0 airlock bundle verify three.tar.zst --key k.pub
done

# Locale and mask. Names are bytes of UTF-8 whatever the locale says.
for locale in 'LC_ALL=C' 'LC_ALL=POSIX LANG=' 'LC_ALL=xx_YY.nonsense' 'LC_ALL=C.UTF-8' 'LC_ALL=tr_TR.UTF-8'; do
  surroundings 0 "$locale exec airlock bundle import one.tar.zst >out"
  whole "$locale"
done
for mask in 000 022 077 277 777; do
  surroundings 0 "umask $mask; exec airlock bundle import one.tar.zst >out"
  whole "umask $mask"
done

# Limits: 64 open files are plenty; with too few it stops, says why, and the next import is whole.
surroundings 0 'ulimit -n 64; exec airlock bundle import one.tar.zst >out'
whole '64 open files'
sanitized=$(grep -c '^AIRLOCK_SANITIZE:STRING=.' "$AIRLOCK_BUILD/CMakeCache.txt")
[ "$sanitized" = 1 ] || for few in 6 8 10 12; do  # a sanitizer needs descriptors of its own to see whether memory is readable
  surroundings 1 "ulimit -n $few; exec airlock bundle import one.tar.zst >out"
  grep -q 'error\[io\]' err || die "no word of it: $(cat err)"
  (export AIRLOCK_HOME=$PWD/site; expect 0 airlock bundle import one.tar.zst) || exit 1
  whole "$few open files, and again"
done

# Memory: 64 MiB are enough for a bundle that unpacks to more, as the peak of an import shows. A limit on the address space
# bites earlier than one on memory: stacks of threads and what malloc reserves for each count in it untouched, so 256. With
# far too little the program says so, and the next import is whole, as after any crash.
if [ "$sanitized" = 0 ]; then  # a sanitizer's shadow is address space, too
  head -c 100000000 /dev/zero >kit/data/in/wide
  build_kit kit wide.tar.zst
  expected_of wide.tar.zst
  surroundings 0 'ulimit -v 262144; exec airlock bundle import wide.tar.zst >out'
  whole '256 MiB of address space'
  surroundings 0 'exec python3 -c "
import resource, subprocess, sys
subprocess.run([\"airlock\", \"bundle\", \"import\", \"wide.tar.zst\", \"-q\"], check=True)
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
sys.exit(f\"{peak} KiB\" if peak > 65536 else 0)"'
  whole '64 MiB of memory'
  surroundings 1 'ulimit -c 0; ulimit -v 40000; exec airlock bundle import wide.tar.zst >out'
  grep -qE 'error\[io\].*no (memory|thread)' err && grep -q 'remedy:' err || die "no word of it: $(cat err)"
  (export AIRLOCK_HOME=$PWD/site; expect 0 airlock bundle import wide.tar.zst) || exit 1
  whole 'far too little memory, and again'
fi
