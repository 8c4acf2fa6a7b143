#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Fails if clang-format would lay out a C file otherwise. Mend with: ninja -C build clang-format
cd "$(dirname "$0")/../.." || exit 2
. tests/style/sources.sh

command -v clang-format >/dev/null || exit 77
bad=0
for file in $(sources '*.c' '*.h'); do
    clang-format "$file" | cmp -s - "$file" || {
        echo "$file: not as clang-format lays it out"
        bad=1
    }
done
exit $bad
