#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs clang-tidy (functions' length and complexity, and what compilers do not see) on every C file
# of the build directory given, two at a time. A file that was clean is not read again until it, a
# header or .clang-tidy changes.
build=$1
shift
cd "$(dirname "$0")/../.." || exit 2

command -v clang-tidy >/dev/null && command -v python3 >/dev/null || exit 77
exec python3 tests/style/tidy.py "$build" "$@"
