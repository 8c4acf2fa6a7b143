#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Fails if a shell script does not parse.
cd "$(dirname "$0")/../.." || exit 2
. tests/style/sources.sh

bad=0
for file in $(sources '*'); do
    case $file in
    *.sh) ;;
    *) head -c 64 "$file" | head -n 1 | grep -aqE '^#! ?(/usr)?/bin/(env )?(ba|da)?sh' || continue ;;
    esac
    bash -n "$file" || bad=1
done
exit $bad
