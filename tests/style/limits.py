# SPDX-License-Identifier: Apache-2.0
"""Compares docs/limits.md with the bounds in common/limits.h, or with --write makes it anew."""
import pathlib
import re
import sys

HEAD = """# Limits

Every bound on what a peer can make the server keep, from `common/limits.h` (a test compares). Reaching
one is an error for who caused it and no harm to others. They are constants of the build.

| name | value | meaning |
|---|---|---|
"""


def value_of(text):
    """An integer constant expression: digits with u, l or ull behind, * + - and <<."""
    plain = re.sub(r'\b(\d+)[uUlL]*', r'\1', text)
    if not re.fullmatch(r'[\d\s()*+<-]+', plain):
        raise SystemExit(f'common/limits.h: cannot read the value {text!r}')
    return f'{eval(plain):,}'  # digits and operators alone, as checked above


def rows(header):
    comment = []
    inside = False
    for line in header.split('#define COMMON_LIMITS_H', 1)[1].splitlines():
        define = re.match(r'#define (LIMIT_\w+)\s+(.+?)\s*(?:/\*\s*(.*?)\s*\*/)?$', line)
        if define:
            meaning = define[3] or ' '.join(comment)
            yield f'| `{define[1]}` | {value_of(define[2])} | {meaning} |\n'
            continue
        if line.startswith('/*'):
            comment = []
            inside = True
        if inside:
            comment.append(re.sub(r'^(/\*| \*)\s?|\s*\*/$', '', line).strip())
            inside = '*/' not in line


def main():
    wanted = HEAD + ''.join(rows(pathlib.Path('common/limits.h').read_text()))
    document = pathlib.Path('docs/limits.md')
    if sys.argv[1:] == ['--write']:
        document.write_text(wanted)
    names = re.findall(r'#define (LIMIT_\w+)', pathlib.Path('common/limits.h').read_text())
    if len(names) != wanted.count('| `LIMIT_'):
        raise SystemExit('common/limits.h: a bound is not read')
    if document.read_text() != wanted:
        raise SystemExit('docs/limits.md differs from common/limits.h: tests/style/check-limits.sh --write')


main()
