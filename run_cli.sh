AIRLOCK_BIN=/tmp/air/numbers/build/release/bin AIRLOCK_BUILD=/tmp/air/numbers/build/release AIRLOCK_SOURCE=/tmp/air/numbers bash /tmp/air/numbers/tests/cli/$1_test.sh
