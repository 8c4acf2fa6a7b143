#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Holds the examples in signaling/PROTOCOL.md and the samples in tests/protocol/ equal, file by file.
# With --write the samples are made from the text.
cd "$(dirname "$0")/../.." || exit 2
from_text=$(mktemp -d) || exit 2
trap 'rm -rf "$from_text"' EXIT
awk -v dir="$from_text" '
    /^```json / { file = dir "/" $2; next }
    /^```$/ { if (file) close(file); file = ""; next }
    file { print > file }
' signaling/PROTOCOL.md
if [ "$1" = --write ]; then
    rm -f tests/protocol/*.json
    cp "$from_text"/*.json tests/protocol/
fi
diff -r "$from_text" tests/protocol && echo "$(ls tests/protocol | wc -l) samples agree with PROTOCOL.md"
