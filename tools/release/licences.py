"""Write requirements/licences.md: the licence of each package of the lock.

    python tools/release/licences.py

reads the metadata of the installed packages. A package states its licence as an
expression, as classifiers or as a text, in this order of preference.
"""

import argparse
import importlib.metadata
import sys
from pathlib import Path

from packaging.requirements import Requirement

from rcn_mmpose.environment.script import run_script
from rcn_mmpose.io.atomic import write_whole

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / 'requirements' / 'lock.txt'
PAGE = ROOT / 'requirements' / 'licences.md'
HEAD = """\
# Licences of the packages of the lock

Written by `python tools/release/licences.py`, from the metadata of each package.

| package | version | licence |
| --- | --- | --- |
"""
# Packages that only Python 3.10 needs, and one whose metadata state no licence.
STATED = dict(
    exceptiongroup='MIT AND PSF-2.0',
    openmim='Apache-2.0 (its LICENSE file)',
    tomli='MIT',
)


def licence(name: str) -> str:
    """Return the licence of an installed package.

    Raises:
        ValueError: If the package states none.
    """
    if name in STATED:
        return STATED[name]
    metadata = importlib.metadata.metadata(name)
    if metadata['License-Expression']:
        return metadata['License-Expression']
    classifiers = [
        text.rpartition('::')[2].strip()
        for text in metadata.get_all('Classifier', [])
        if text.startswith('License ::')
    ]
    text = (metadata['License'] or '').strip()
    found = ', '.join(classifiers) or (text if '\n' not in text else '')
    if not found:
        raise ValueError(
            f'{name} states no licence; read its LICENSE file and add it to STATED.'
        )
    return found


def page() -> str:
    """Return the table."""
    rows = []
    for line in LOCK.read_text(encoding='utf-8').splitlines():
        if line and not line.startswith('#'):
            requirement = Requirement(line)
            (pin,) = requirement.specifier
            name = requirement.name
            rows.append(f'| {name} | {pin.version} | {licence(name)} |')
    return HEAD + '\n'.join(sorted(rows, key=str.lower)) + '\n'


def main(arguments: list[str] | None = None) -> int:
    """Write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.parse_args(arguments)
    write_whole(str(PAGE), page().encode())
    print(f'{PAGE.relative_to(ROOT)} is written')
    return 0


if __name__ == '__main__':
    sys.exit(run_script(main))
