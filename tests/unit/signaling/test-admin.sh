#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# assize-admin as an administrator uses it. Argument: the program.
set -u
admin=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0

fail() {
    echo "failed: $1" >&2
    [ -s "$dir/out" ] && cat "$dir/out" >&2
    failed=1
}

# run STATUS WORDS...: runs the program on the data and wants that exit status.
run() {
    wanted=$1
    shift
    "$admin" --data-dir "$dir/data" "$@" >"$dir/out" 2>&1
    status=$?
    [ $status -eq "$wanted" ] || fail "'$*' ended with $status, not $wanted"
}

says() { grep -q -- "$1" "$dir/out" || fail "does not say '$1'"; }
count() { [ "$(grep -c -- "$1" "$dir/out")" = "$2" ] || fail "'$1' stands there not $2 times"; }

# Everything is explained.
"$admin" --help >"$dir/out" 2>&1 || fail "--help"
for words in "hearing create" "hearing list" "hearing links" "invitation revoke" \
    "records-pass create" "records-pass list" "journal verify" "journal sent" demo; do
    says "$words"
done
for words in "hearing create" "hearing list" "hearing links" "invitation revoke" \
    "records-pass create" "records-pass list" "journal verify" "journal sent" demo; do
    # shellcheck disable=SC2086
    "$admin" $words --help >"$dir/out" 2>&1 || fail "$words --help"
    says "data-dir"
done

# What is wrong is refused, with what to do.
run 2
run 2 hearing
run 2 fly
run 2 hearing create --case 1 --title t
run 2 hearing create --case 1 --title t --court c
says "at least one person"
run 2 hearing create --case 1 --title t --court c --judge J --at tomorrow
run 2 hearing create --case 1 --title t --court c --judge J --expires 0
run 2 hearing create --case 1 --title t --court c --king K
run 2 hearing list --base-url ftp://x
run 2 hearing list --base-url https://x/
run 2 hearing links
run 2 hearing list extra
run 2 hearing list --at
run 1 hearing list
says "data directory"
mkdir -m 700 "$dir/data"

# The demo is made once, and found again with the same links.
run 0 demo --base-url https://court.example:8443
count "https://court.example:8443/hearing#" 5
count "https://court.example:8443/records#" 1
cp "$dir/out" "$dir/first"
run 0 demo --base-url https://court.example:8443
cmp -s "$dir/out" "$dir/first" || fail "the demo changed"
run 0 --json demo
says '"role":"judge"'
says '"records":{'
[ "$(stat -c %a "$dir/data/token.key" "$dir/data/assize.db" "$dir/data/journals" | tr '\n' ' ')" = "600 600 700 " ] ||
    fail "others can read the data"

# A hearing, its links, renewed and revoked.
run 0 hearing create --case "(2026) 7" --title "李伟 v. B" --court Chamber --at 2099-01-01T09:00+08:00 \
    --judge "Chen" --clerk "Wood" --party "李伟" --party "B" --witness "W" --base-url https://h:1
count "https://h:1/hearing#" 5
id=$(sed -n 's/^Hearing \([0-9a-f]*\),.*/\1/p' "$dir/out")
run 0 hearing list
says "$id  scheduled  2099-01-01T01:00:00.000Z"
run 0 hearing links "$id" --base-url https://h:1
grep -o "https://h:1/hearing#.*" "$dir/out" | sort >"$dir/old"
run 0 hearing links "$id" --renew --base-url https://h:1
count "https://h:1/hearing#" 5
grep -o "https://h:1/hearing#.*" "$dir/out" | sort >"$dir/new"
[ -z "$(comm -12 "$dir/old" "$dir/new")" ] || fail "a renewed link is an old one"
invitation=$(sed -n 's/.*(invitation \([0-9a-f]*\))/\1/p' "$dir/out" | head -1)
run 0 invitation revoke "$invitation"
says "is revoked"
run 0 invitation revoke "$invitation"
says "before"
run 1 invitation revoke 0000000000000001
run 1 invitation revoke nothing
says "16 hex digits"
run 0 hearing links "$id" --base-url https://h:1
count "https://h:1/hearing#" 4
run 1 hearing links 0000000000000001
run 1 hearing create --case "" --title t --court c --judge J
run 1 hearing create --case 1 --title t --court c --judge "$(printf 'a\nb')"

# Passes to records.
run 0 records-pass create --base-url https://h:1
count "https://h:1/records#" 1
run 0 records-pass list --base-url https://h:1
count "https://h:1/records#" 2

# The journal: whole, then with one byte changed; and as docs/journal.md says, with stock tools.
journal=$dir/data/journals/$id.journal
run 0 journal verify "$journal"
says "whole"
run 0 journal sent "$journal"
says "scheduled"
run 0 journal sent "$journal" --json
says "\"sent\":"
run 1 journal sent "$journal" --at 2001-01-01T00:00Z
says "no line of that time"
line=$(sed -n 2p "$journal")
hash=$(printf '%s' "$line" | sed 's/,"hash":"[0-9a-f]*"}$/}/' | sha256sum | cut -d' ' -f1)
case $line in
*"\"hash\":\"$hash\"}") ;;
*) fail "the hash is not that of docs/journal.md" ;;
esac
sed -i '3s/Wood/Food/' "$journal"
run 1 journal verify "$journal"
says "line 3 "
says "changed after it was written"
run 1 journal verify "$dir/missing"
run 1 journal sent "$journal"
says "is damaged"
run 1 journal sent "$dir/missing"

# docs/journal.md names every event there is.
top=$(cd "$(dirname "$0")/../../.." && pwd)
events=$(sed -n '/} events\[/,/^};/p' "$top/signaling/journal_line.c" | grep -oE '"[a-z]+(\.[a-z]+)?"' | tr -d '"')
[ "$(echo "$events" | wc -w)" -ge 20 ] || fail "no events found in journal_line.c"
for event in $events; do
    grep -qF "\`$event\`" "$top/docs/journal.md" || fail "docs/journal.md does not name $event"
done

# As root it works as the owner of the data, and leaves nothing of root's behind.
if [ "$(id -u)" = 0 ]; then
    mkdir -m 700 "$dir/owned"
    chown 65534:65534 "$dir/owned"
    chmod 711 "$dir"
    "$admin" --data-dir "$dir/owned" demo >"$dir/out" 2>&1 || fail "demo as root for another owner"
    [ -z "$(find "$dir/owned" ! -user 65534)" ] || fail "files of root's in another's data"
fi

# A key that others can read is not used.
chmod 644 "$dir/data/token.key"
run 1 demo
says "chmod 600"
exit $failed
