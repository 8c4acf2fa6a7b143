#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# assize-signaling's command line, and what it says when it cannot start. $1: the program.
program=$1
here=$(mktemp -d) || exit 2
trap 'rm -rf "$here"' EXIT
failed=0

# expect STATUS TEXT COMMAND...: ends with the status, says the text somewhere.
expect() {
    status=$1 text=$2
    shift 2
    said=$("$@" 2>&1)
    got=$?
    if [ "$got" != "$status" ] || ! printf '%s\n' "$said" | grep -q -- "$text"; then
        echo "$*: status $got, expected $status and '$text', said:"
        printf '%s\n' "$said"
        failed=1
    fi
}

config() {
    mkdir -p "$here/run" "$here/data" "$here/page"
    {
        printf 'data_dir: "%s/data"\nrun_dir: "%s/run"\n' "$here" "$here"
        printf 'signaling:\n  page_dir: "%s/page"\n  certificate: "%s"\n' "$here" "$1"
        printf '  metrics_listen: ""\n  listen: ["%s"]\n  port: 1\n' "$2"
    } >"$here/assize.yaml"
}

expect 0 'assize-signaling: serves' "$program" --help
expect 0 '^assize-signaling [0-9]' "$program" --version
expect 2 "option '--nonsense'" "$program" --nonsense
expect 2 'nowhere.yaml' "$program" --config "$here/nowhere.yaml"

config none 127.0.0.1
expect 0 '' "$program" --config "$here/assize.yaml" --check-config
expect 1 'the page cannot be read' "$program" --config "$here/assize.yaml"
echo '<!doctype html>' >"$here/page/index.html"
config "$here/nowhere.pem" 127.0.0.1
expect 1 'nowhere.pem cannot be read' "$program" --config "$here/assize.yaml"
echo 'no certificate' >"$here/server.pem"
config "$here/server.pem" 127.0.0.1
sed -i "s|  metrics|  private_key: \"$here/server.pem\"\n  metrics|" "$here/assize.yaml"
expect 1 'server.pem: not a certificate and its key' "$program" --config "$here/assize.yaml"
# Plain HTTP is for loopback alone.
config none 0.0.0.0
expect 1 'not without TLS' "$program" --config "$here/assize.yaml"
config none 192.0.2.77
expect 1 'not without TLS' "$program" --config "$here/assize.yaml"
printf 'lisen: 1\n' >>"$here/assize.yaml"
expect 2 'lisen' "$program" --config "$here/assize.yaml" --check-config
exit $failed
