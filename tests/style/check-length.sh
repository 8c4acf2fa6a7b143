#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Fails if a file is over 1000 lines; warns over 600. (The length of functions is clang-tidy's.)
cd "$(dirname "$0")/../.." || exit 2
. tests/style/sources.sh

sources '*.c' '*.h' '*.sh' '*.py' '*.ts' '*.tsx' '*.js' '*.mjs' '*.css' 'meson.build' | xargs wc -l | awk '
    $2 == "total" { next }
    $1 > 1000 { print $2 ": " $1 " lines, over 1000"; bad = 1; next }
    $1 > 600 { print $2 ": warning: " $1 " lines, over 600" }
    END { exit bad }
'
