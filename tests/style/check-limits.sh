#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Fails if docs/limits.md is not what common/limits.h says. Mend with: check-limits.sh --write
cd "$(dirname "$0")/../.." || exit 2
exec python3 tests/style/limits.py "$@"
