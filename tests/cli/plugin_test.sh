# Starting a plugin and checking it, on the connected side.
. "$(dirname "$0")/lib.sh"
expect 0 airlock plugin init sub/hello
out_has 'hello@0.1.0'
expect 2 airlock plugin init sub/hello
err_has 'error[already-exists]'
expect 2 airlock plugin init 'sub/Not A Name'
[ ! -e 'sub/Not A Name' ] || die "a refused init left a folder"
expect 2 airlock plugin check sub/hello
err_has 'bin/main'; err_has 'no such file'
printf '#!/bin/sh\n' >sub/hello/bin/main
expect 2 airlock plugin check sub/hello
err_has 'not executable'
chmod +x sub/hello/bin/main
expect 2 airlock plugin check sub/hello
err_has 'a script'
cp "$AIRLOCK_BUILD/tests/cli/stepper" sub/hello/bin/main
expect 0 airlock plugin check sub/hello --json
[ "$(json 'd["bundlePath"]')" = plugins/hello/0.1.0 ] || die "$(cat out)"
cp "$(command -v cat)" sub/hello/bin/main  # dynamically linked on Debian
expect 2 airlock plugin check sub/hello
err_has '-static'
head -c 100 "$AIRLOCK_BIN/airlock" >sub/hello/bin/main
expect 2 airlock plugin check sub/hello
sed -i 's/"rootfs"/"rootsf"/' sub/hello/plugin.json
expect 2 airlock plugin check sub/hello
err_has 'rootsf'; err_has 'did you mean'; err_has 'plugin.json'
expect 4 airlock plugin check nowhere
# What init writes compiles and passes its own check.
expect 0 airlock plugin init other --name other-name --version 2.0.0
g++ -O1 -static -o other/bin/main other/main.cc || die "the program that init wrote does not compile"
expect 0 airlock plugin check other
out_has 'other-name@2.0.0'
