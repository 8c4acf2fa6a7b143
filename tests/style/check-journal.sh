#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Fails if a kind of journal line (or a cause, reason or process in one) is never written by any code.
# That docs/journal.md lists the same kinds is held by signaling-journal_line.
cd "$(dirname "$0")/../.." || exit 2

bad=0
for name in $(sed -n 's/^    \(JOURNAL_[A-Z_]*\)\( = 1\)\{0,1\},.*/\1/p' signaling/journal.h); do
    case $name in
    *_COUNT | JOURNAL_DAMAGE_*) continue ;;
    esac
    # journal.c reads and sorts all kinds; what it writes itself it names so.
    grep -qE "event = $name\b" signaling/journal.c && continue
    cat $(ls signaling/*.c | grep -vE '/journal(_line)?\.c$') | grep -w "$name" | grep -qv "case $name:" || {
        echo "signaling/journal.h: $name is never written"
        bad=1
    }
done
exit $bad
