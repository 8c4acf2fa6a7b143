# SPDX-License-Identifier: Apache-2.0
# How an address that is listened on is reached, and stands in a link. Sourced.

# loopback_of ADDRESS: where this host itself reaches who listens there.
loopback_of() {
    case $1 in
    0.0.0.0) printf 127.0.0.1 ;;
    ::) printf ::1 ;;
    *) printf '%s' "$1" ;;
    esac
}

# link_host ADDRESS HOST_ADDRESS...: the host that links name, given what is listened on and all
# addresses of this host: of a wildcard the first of its family, of the loopback a name.
link_host() {
    local address=$1 own
    shift
    case $address in 0.0.0.0 | ::)
        for own in "$@"; do
            case $address$own in 0.0.0.0*:* | ::*.*) continue ;; esac
            printf '%s' "$own"
            return
        done
        address=localhost
        ;;
    esac
    case $address in 127.0.0.1 | ::1) address=localhost ;; esac
    printf '%s' "$address"
}

# url_of HOST PORT: an IPv6 address stands in brackets (RFC 3986 section 3.2.2).
url_of() {
    case $1 in
    *:*) printf 'https://[%s]:%s' "$1" "$2" ;;
    *) printf 'https://%s:%s' "$1" "$2" ;;
    esac
}
