# SPDX-License-Identifier: Apache-2.0
# Shared by deploy/run and tests/run: says what happens, installs what is missing, builds.
# Sourced with $top set to the root of the checkout.

quiet_log=$(mktemp) || exit 1
trap 'rm -f "$quiet_log"' EXIT

say() { printf '%s\n' "$*"; }

# fail WHAT REMEDY: ends with a clear error.
fail() {
    printf 'error: %s\n' "$1" >&2
    [ -n "${2:-}" ] && printf '  what to do: %s\n' "$2" >&2
    exit 1
}

# step "what happens" command...: one line of progress, with seconds; the command's own output is
# shown only when it fails.
step() {
    local what=$1 began=$SECONDS
    shift
    printf '%s ... ' "$what"
    if "$@" >"$quiet_log" 2>&1 </dev/null; then
        printf 'done (%d s)\n' $((SECONDS - began))
    else
        printf 'failed\n'
        tail -n 40 "$quiet_log" >&2
        return 1
    fi
}

# packages_of WHEN...: the packages of packages.txt needed at these times.
packages_of() {
    local when machine
    machine=$(dpkg --print-architecture)
    for when in "$@"; do
        awk -v when="$when" -v here="$when@$machine" '$1 == when || $1 == here { print $2 }' "$top/deploy/packages.txt"
    done
}

missing_packages() {
    local package
    for package in $(packages_of "$@"); do
        dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
            printf '%s ' "$package"
    done
    # Any Node.js of 18 or newer with npm does; Debian's own is 18.
    node_is_new_enough || printf 'nodejs npm '
}

node_is_new_enough() {
    command -v npm >/dev/null && command -v node >/dev/null &&
        [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 18 ]
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo -n "$@" || sudo "$@"
    fi
}

# without_services command...: as root, while no service is started. Debian starts what it installs:
# coturn, which only tests want, would relay for anybody to anywhere.
without_services() {
    # shellcheck disable=SC2016 # for the inner shell
    as_root sh -c '
        policy=/usr/sbin/policy-rc.d
        if [ ! -e "$policy" ]; then
            trap '\''rm -f "$policy"'\'' EXIT
            printf "#!/bin/sh\nexit 101\n" >"$policy" && chmod 755 "$policy" || exit 1
        fi
        "$@"' sh "$@"
}

# install_packages WHEN...: installs from Debian what is not there.
install_packages() {
    [ -r /etc/debian_version ] && command -v apt-get >/dev/null ||
        fail "this is not Debian" "use Debian 12, or install the packages in deploy/packages.txt by hand"
    local missing
    missing=$(missing_packages "$@")
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
        fail "these Debian packages are missing: $missing" \
            "as root: apt-get update && apt-get install --no-install-recommends $missing"
    fi
    say "missing: $missing"
    step "reading Debian's package lists" as_root apt-get update ||
        fail "Debian's package lists cannot be read" "check the network and /etc/apt/sources.list"
    # shellcheck disable=SC2086 # a list of words
    step "installing $(set -- $missing; echo $#) packages from Debian (minutes the first time)" \
        without_services env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing ||
        fail "Debian packages could not be installed" "see the lines above; run it again when it is mended"
    case " $missing " in
    *" coturn "*) # nor at the next start of the machine
        step "keeping coturn's own service off" as_root update-rc.d coturn disable ||
            fail "coturn's own service could not be turned off" "as root: update-rc.d coturn disable"
        ;;
    esac
}

# build_c DIR MESON_OPTIONS...: configures once, builds what changed.
build_c() {
    local dir=$1
    shift
    if [ ! -f "$dir/build.ninja" ]; then
        step "configuring $(basename "$dir")" meson setup "$@" "$dir" "$top" ||
            fail "meson could not configure $dir" "see the lines above"
    fi
    step "building $(basename "$dir")" ninja -C "$dir" ||
        fail "the build in $dir failed" "see the lines above; remove $dir to begin anew"
}

# build_web: the page, when its sources are newer than what was built from them.
build_web() {
    local web=$top/web-client stamp
    stamp=$(cd "$web" && cat package.json package-lock.json | sha256sum | cut -d' ' -f1)
    if [ "$(cat "$web/node_modules/.assize-stamp" 2>/dev/null)" != "$stamp" ]; then
        step "installing the page's packages from npm" npm --prefix "$web" ci --no-audit --no-fund ||
            fail "the page's packages could not be installed" "check the network, or npm's registry setting"
        printf '%s\n' "$stamp" >"$web/node_modules/.assize-stamp"
    fi
    if [ ! -f "$web/dist/index.html" ] ||
        [ -n "$(find "$web/src" "$web"/*.html "$web"/*.css "$web"/*.json "$web"/*.ts "$web/public" \
            -newer "$web/dist/index.html" 2>/dev/null | head -1)" ]; then
        step "building the page" npm --prefix "$web" run build || fail "the page did not build" "see above"
    fi
}
