# The units of packaging/ as systemd reads them, with the program where the source tree has it.
. "$(dirname "$0")/lib.sh"
if ! command -v systemd-analyze >/dev/null; then
  echo "SKIPPED: systemd-analyze is not installed"
  exit 77
fi
mkdir units
cp "$AIRLOCK_SOURCE"/packaging/systemd/airlock-refresh.* units/
sed -i "s|^ExecStart=.*|ExecStart=$AIRLOCK_SOURCE/packaging/airlock-refresh|" units/airlock-refresh.service
# A word about a unit of the machine's own is none about ours.
systemd-analyze verify units/airlock-refresh.service units/airlock-refresh.timer >out 2>err
last="systemd-analyze verify"
grep airlock err >ours && die "the units are not as systemd wants them"
sed -i 's|^Type=oneshot|Type=oneshott|' units/airlock-refresh.service
systemd-analyze verify units/airlock-refresh.service >out 2>err
grep -q 'oneshott' err || die "a mistake in a unit is not seen here"

# What the environment file sets is read: by the program, or by the script.
while IFS='=' read -r name _; do
  case $name in ''|'#'*|AIRLOCK_HOME|AIRLOCK_TENANT) continue ;; esac
  grep -q "\b$name\b" "$AIRLOCK_SOURCE/packaging/airlock-refresh" || die "refresh.env sets $name, which airlock-refresh does not read"
done <"$AIRLOCK_SOURCE/packaging/systemd/refresh.env"
