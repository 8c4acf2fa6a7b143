#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Fails if a file includes one from a higher line of `layers`, one of another process, or itself is
# not listed there.
cd "$(dirname "$0")/../.." || exit 2

for file in common/*.[ch] sfu/*.[ch] signaling/*.[ch] recorder/*.[ch] supervisor/*.[ch]; do
    echo "$file - 0"
    sed -n 's/^#include "\([^"]*\)".*/\1/p' "$file" | sed "s|^|$file |; s|\$| 1|"
done | awk '
    BEGIN {
        while ((getline line < "tests/style/layers") > 0) {
            if (line ~ /^#/ || line == "") continue
            rank++
            n = split(line, name, " ")
            for (i = 1; i <= n; i++) level[name[i]] = rank
        }
    }
    function stem(file) { sub(/\.[ch]$/, "", file); return file }
    function folder(file) { sub(/\/.*/, "", file); return file }
    $3 == 0 && !(stem($1) in level) { print $1 ": not listed in tests/style/layers"; bad = 1 }
    $3 == 1 && folder($2) != folder($1) && folder($2) != "common" {
        print $1 ": includes " $2 ", of another process"; bad = 1; next
    }
    $3 == 1 && (stem($1) in level) && (stem($2) in level) && level[stem($2)] > level[stem($1)] {
        print $1 ": includes " $2 ", which is above it"; bad = 1
    }
    END { exit bad }
'
