# SPDX-License-Identifier: Apache-2.0
"""Runs clang-tidy once a source file (a compile database names some several times), in two
processes, and remembers by a hash what was clean."""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile

AREAS = ('common', 'sfu', 'signaling', 'recorder', 'supervisor', 'tests')


def own_files(patterns):
    return sorted(p for area in AREAS for pattern in patterns for p in pathlib.Path(area).rglob(pattern)
                  if 'node_modules' not in p.parts)


def digest(paths):
    h = hashlib.sha256()
    for path in paths:
        h.update(str(path).encode() + b'\0' + path.read_bytes() + b'\0')
    return h.hexdigest()


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    wanted = {pathlib.Path(p).resolve() for p in sys.argv[2:]}
    headers = digest(own_files(['*.h']) + [pathlib.Path('.clang-tidy')])
    remembered = build / 'clang-tidy-clean'
    clean = set(remembered.read_text().split()) if remembered.exists() else set()
    entries = {}
    for entry in json.loads((build / 'compile_commands.json').read_text()):
        source = (pathlib.Path(entry['directory']) / entry['file']).resolve()
        if source.suffix == '.c' and source.exists() and (not wanted or source in wanted):
            entries.setdefault(source, entry)
    keys = {source: hashlib.sha256((headers + entry['command'].split(' -o ')[0]).encode()
                                   + source.read_bytes()).hexdigest()
            for source, entry in entries.items()}
    todo = [source for source in sorted(entries) if keys[source] not in clean]
    good = {keys[source] for source in entries if keys[source] in clean}

    with tempfile.TemporaryDirectory() as database:
        (pathlib.Path(database) / 'compile_commands.json').write_text(json.dumps(list(entries.values())))

        def check(source):
            # The flags may be gcc's; what clang does not know of them says nothing about the code.
            run = subprocess.run(['clang-tidy', '--quiet', '-p', database,
                                  '--extra-arg=-Wno-unknown-warning-option',
                                  '--extra-arg=-Wno-ignored-optimization-argument', str(source)],
                                 capture_output=True, text=True)
            return source, run.returncode, run.stdout + (run.stderr if run.returncode else '')

        bad = 0
        with concurrent.futures.ThreadPoolExecutor(2) as pool, remembered.open('w') as memory:
            memory.write(''.join(key + '\n' for key in sorted(good)))
            for source, status, said in pool.map(check, todo):
                if status == 0:
                    memory.write(keys[source] + '\n')
                    memory.flush()  # a run that is cut short is not lost
                    continue
                bad += 1
                print(said.replace(os.getcwd() + '/', ''), flush=True)
    print(f'{len(todo)} files read of {len(entries)}, {bad} with findings')
    return 1 if bad else 0


sys.exit(main())
