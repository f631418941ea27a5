"""Sphinx configuration of the site that ``make docs`` builds into docs/_build.

The build needs no network: the theme brings its files and no other project is
linked. Links from a page to a file outside ``docs/`` become links to the
repository's pages in the site, or to the file's path in the project.
"""

from __future__ import annotations

import posixpath
import re
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT))

import rcn_mmpose.registry  # noqa: E402, F401 - workarounds before MMPose
from rcn_mmpose.version import __version__  # noqa: E402 - needs the path above

project = 'rcn_mmpose'
author = 'The rcn_mmpose authors'
release = version = __version__
html_title = f'rcn_mmpose {__version__}'

# The pages of the site in the order of its contents; README is the index.
PAGES = [
    'predict',
    'export',
    'migration',
    'train',
    'distributed',
    'in_mmpose',
    'paper',
    'studies',
    'quality',
]
CARDS = [
    'models/rcn-5',
    'models/rcn-68',
    'models/rcn-68-joint',
    'models/rcn-5-synthetic',
]
ROOMS = [
    'rcn_mmpose',
    'version',
    'compat',
    'environment',
    'shipped',
    'registry',
    'geometry',
    'image',
    'io',
    'codecs',
    'models',
    'datasets',
    'device_data',
    'evaluation',
    'engine',
    'detect',
    'inference',
    'tracking',
    'synthetic',
    'serve',
    'cli',
    'lab',
]

extensions = [
    'myst_parser',
    'sphinx.ext.autodoc',
    'sphinx.ext.napoleon',
]
root_doc = 'README'
source_suffix = {'.md': 'markdown', '.rst': 'restructuredtext'}
exclude_patterns = ['_build']
html_theme = 'furo'
html_copy_source = False
html_show_sourcelink = False

myst_heading_anchors = 4  # as GitHub makes them, for links to headings
myst_url_schemes = ['http', 'https', 'mailto']

autodoc_typehints = 'none'  # docstrings state the types
autodoc_default_options = {'members': True, 'show-inheritance': True}
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False

# Every reference to a name of this package must resolve. Names of other packages
# are documented on the network only; private base classes are not documented.
nitpicky = True
nitpick_ignore_regex = [('py:.*', r'(?!rcn_mmpose|\.).*|.*\._\w+')]


def outside_links(app: Any, docname: str, source: list[str]) -> None:
    """Write links to files outside docs/ as plain paths.

    Args:
        app (Sphinx): The application.
        docname (str): Name of the page.
        source (list[str]): Its text, changed in place.
    """
    if not (HERE / f'{docname}.md').exists():
        return
    folder = posixpath.dirname(docname)

    def replace(match: re.Match[str]) -> str:
        text, target = match[1], match[2]
        path = target.partition('#')[0]
        if '://' in target or not path:
            return match[0]
        place = posixpath.normpath(posixpath.join('docs', folder, path))
        full = ROOT / place
        if not full.exists():
            raise FileNotFoundError(f'docs/{docname}: {target} does not exist.')
        if full.is_dir() or not place.startswith('docs/'):
            if place == 'docs/models':
                return f'[{text}]({posixpath.relpath(CARDS[0], folder or ".")}.md)'
            name = f'`{place}`'
            return name if text.strip('`') in (place, full.name) else f'{text} ({name})'
        return match[0]

    source[0] = re.sub(r'(?<!!)\[([^\]]*)\]\(([^()\s]+)\)', replace, source[0])


def contents(app: Any, docname: str, source: list[str]) -> None:
    """Append the contents of the site to its index.

    Args:
        app (Sphinx): The application.
        docname (str): Name of the page.
        source (list[str]): Its text, changed in place.
    """
    if docname != root_doc:
        return
    for title, names in (
        ('Pages', PAGES),
        ('Models', CARDS),
        ('API', [f'api/{room}' for room in ROOMS]),
    ):
        listed = '\n'.join(names)
        source[0] += (
            f'\n\n```{{toctree}}\n:hidden:\n:caption: {title}\n:maxdepth: 1\n\n'
            f'{listed}\n```\n'
        )


def modules(app: Any, docname: str, source: list[str]) -> None:
    """Append the modules of a room to its page of the API reference.

    Args:
        app (Sphinx): The application.
        docname (str): Name of the page.
        source (list[str]): Its text, changed in place.
    """
    folder, _, room = docname.rpartition('/')
    if folder != 'api':
        return
    for path in sorted((ROOT / 'rcn_mmpose' / room).rglob('*.py')):
        parts = path.relative_to(ROOT).with_suffix('').parts
        if 'shipped' in parts[:-1] and 'models' in parts[:-1]:
            continue  # configs of the shipped models
        package = parts[-1] == '__init__'
        name = '.'.join(parts[:-1] if package else parts)
        if name == f'rcn_mmpose.{room}':
            continue  # the page itself names it
        option = '   :no-members:\n' if package else ''
        line = '-' * (len(name) + 4)
        source[0] += f'\n``{name}``\n{line}\n\n.. automodule:: {name}\n{option}'


def setup(app: Any) -> None:
    """Connect the rules of this file with Sphinx."""
    app.connect('source-read', outside_links)
    app.connect('source-read', contents)
    app.connect('source-read', modules)
