# SPDX-License-Identifier: Apache-2.0
# sources PATTERN...: our own files of these names, without what is built or installed. Sourced.
sources() {
    for pattern in "$@"; do
        find . \( -name .git -o -name node_modules -o -name dist -o -name data -o -name 'build*' \) -prune \
            -o -type f -name "$pattern" -print
    done | sed 's|^\./||' | sort
}
