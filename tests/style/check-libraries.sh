#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Fails if a file includes a library that `libraries` gives to another file, or to none.
cd "$(dirname "$0")/../.." || exit 2

grep -Hn '^ *# *include *<' common/*.[ch] sfu/*.[ch] signaling/*.[ch] recorder/*.[ch] supervisor/*.[ch] | awk -F'[:<>]' '
    BEGIN {
        while ((getline line < "tests/style/libraries") > 0) {
            if (line ~ /^#/ || line == "") continue
            n = split(line, word, " ")
            known[word[1]] = 1
            for (i = 2; i <= n; i++) may[word[1] "|" word[i]] = 1
        }
    }
    {
        file = $1; stem = file; sub(/\.[ch]$/, "", stem); header = $4
        best = ""
        for (k in known)
            if (index(header, k) == 1 && length(k) > length(best)) best = k
        if (best != "") {
            if (!((best "|" stem) in may)) { print file ":" $2 ": <" header "> is for other files alone, see tests/style/libraries"; bad = 1 }
        } else if (header ~ /\// && header !~ /^(sys|net|netinet|arpa|linux|sanitizer)\//) {
            print file ":" $2 ": <" header "> is of no library in tests/style/libraries"; bad = 1
        }
    }
    END { exit bad }
'
