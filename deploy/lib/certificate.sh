# SPDX-License-Identifier: Apache-2.0
# A certificate authority and a server certificate of this installation, for trying and testing; a
# court puts its own into the configuration. Sourced after setup.sh.

# certificate_names HOST...: the subjectAltName of localhost, this host's addresses and these.
certificate_names() {
    local name names="DNS:localhost,IP:127.0.0.1,IP:::1"
    for name in "$@" $(hostname -I 2>/dev/null); do
        case $name in
        localhost | 127.0.0.1 | ::1 | 0.0.0.0 | :: | '') continue ;;
        *:* | [0-9]*.[0-9]*.[0-9]*.[0-9]*) name=IP:$name ;;
        *) name=DNS:$name ;;
        esac
        case ,$names, in *,"$name",*) ;; *) names=$names,$name ;; esac
    done
    printf '%s' "$names"
}

# certificate_ensure DIR HOST...: keeps what is there while it names these hosts and is valid for a
# week more; the authority lives on, so browsers that trust it keep trusting.
certificate_ensure() {
    local dir=$1 names
    shift
    names=$(certificate_names "$@")
    mkdir -p "$dir" && chmod 700 "$dir"
    if [ ! -f "$dir/ca.key" ]; then
        step "making a certificate authority" openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 \
            -nodes -days 3650 -subj "/O=Assize/CN=Assize local authority" -keyout "$dir/ca.key" -out "$dir/ca.pem" \
            -addext "basicConstraints=critical,CA:TRUE,pathlen:0" -addext "keyUsage=critical,keyCertSign,cRLSign" ||
            fail "the certificate authority could not be made" "is $dir writable?"
    fi
    if [ "$(cat "$dir/names" 2>/dev/null)" = "$names" ] &&
        openssl x509 -in "$dir/server.pem" -noout -checkend 604800 >/dev/null 2>&1; then
        return 0
    fi
    step "making a certificate for ${names//,/, }" certificate_issue "$dir" "$names" ||
        fail "the certificate could not be made" "see the lines above"
    printf '%s' "$names" >"$dir/names"
}

certificate_issue() {
    local dir=$1 names=$2
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/O=Assize/CN=localhost" \
        -keyout "$dir/server.key" -out "$dir/server.csr" &&
        printf 'subjectAltName=%s\nbasicConstraints=CA:FALSE\nkeyUsage=digitalSignature\nextendedKeyUsage=serverAuth\n' \
            "$names" >"$dir/server.ext" &&
        openssl x509 -req -in "$dir/server.csr" -CA "$dir/ca.pem" -CAkey "$dir/ca.key" -CAcreateserial \
            -days 397 -extfile "$dir/server.ext" -out "$dir/leaf.pem" &&
        cat "$dir/leaf.pem" "$dir/ca.pem" >"$dir/server.pem" && rm -f "$dir/server.csr" "$dir/server.ext" "$dir/leaf.pem"
}
