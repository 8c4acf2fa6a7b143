#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Fails if a source file does not name its licence in its first fifteen lines.
cd "$(dirname "$0")/../.." || exit 2
. tests/style/sources.sh

bad=0
for file in $(sources '*.c' '*.h' '*.sh' '*.py' '*.ts' '*.tsx' '*.js' '*.mjs' '*.css'; ls deploy/run tests/run .ci/run 2>/dev/null); do
    head -n 15 "$file" | grep -q 'SPDX-License-Identifier: Apache-2.0' || {
        echo "$file: no SPDX-License-Identifier: Apache-2.0"
        bad=1
    }
done
exit $bad
