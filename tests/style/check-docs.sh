#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Fails if a document links to a file that is not there, or names a program, a test, a variable, a
# metric or an option of deploy/run that does not exist.
cd "$(dirname "$0")/../.." || exit 2
. tests/style/sources.sh

bad=0
complain() {
    echo "$1"
    bad=1
}
for document in $(sources '*.md'); do
    for link in $(grep -o '](\([^)#]*\)[^)]*)' "$document" | sed 's/^](//; s/[#)].*//' | grep -v '^[a-z]*:'); do
        [ -e "$(dirname "$document")/$link" ] || complain "$document: $link is not there"
    done
    for program in $(grep -oE '\bassize-(sfu|signaling|recorder|admin|renderer|verify|[a-z]+)\b' "$document" | sort -u); do
        grep -q "executable('$program'" sfu/meson.build signaling/meson.build recorder/meson.build ||
            grep -q "^u $program " deploy/systemd/assize.sysusers || [ -e "deploy/systemd/$program.service" ] || [ "$program" = assize-records ] ||
            complain "$document: there is no program $program"
    done
    for name in $(grep -oE '\bassize_[a-z_]+' "$document" | sort -u); do
        grep -q "\"$name\"" signaling/metrics.c || complain "$document: there is no metric $name"
    done
    for name in $(grep -oE '\bASSIZE_[A-Z_]+[A-Z]\b' "$document" | sort -u); do
        grep -q "\`$name\`" docs/configuration.md || grep -rq "$name" tests/system/lib tests/run ||
            complain "$document: there is no variable $name"
    done
done
for command in deploy/run tests/run; do
    [ -x "$command" ] || complain "$command cannot be run"
    grep -q "^    $command " README.md || complain "README.md: does not name $command"
    bash "$command" --help >/dev/null || complain "$command --help fails"
done
exit $bad
