#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Fails if a library that meson.build asks for comes from a Debian package that deploy/packages.txt
# does not name: a fresh machine could not build.
cd "$(dirname "$0")/../.." || exit 2
. tests/style/sources.sh

command -v dpkg-query >/dev/null && command -v pkg-config >/dev/null || exit 77
bad=0
for name in $(sources meson.build | xargs grep -oh "dependency('[^']*'" | cut -d "'" -f 2 | sort -u); do
    [ "$name" = threads ] && continue
    dir=$(pkg-config --variable=pcfiledir "$name") || { echo "$name: not known to pkg-config"; bad=1; continue; }
    package=$(dpkg-query -S "$dir/$name.pc" | sed 's/[:,].*//')
    grep -q "^build $package " deploy/packages.txt || {
        echo "deploy/packages.txt: no line 'build $package' (meson asks for $name)"
        bad=1
    }
done
awk '!/^#/ && NF { if ($1 !~ /^(build|run|test)(@[a-z0-9]+)?$/ || NF < 3) { print "deploy/packages.txt: " $0; bad = 1 }
    if (seen[$2]++) { print "deploy/packages.txt: " $2 " twice"; bad = 1 } } END { exit bad }' deploy/packages.txt || bad=1
exit $bad
