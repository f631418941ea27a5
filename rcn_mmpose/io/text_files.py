"""Read text that people edit: byte order marks, and tables of any spreadsheet."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TextIO

SEPARATORS = ',;\t'  # of a table; with several, the first of the most frequent
# A text that a spreadsheet takes for a formula, also behind apostrophes.
FORMULA = re.compile(r"'*[=+\-@\t\r]")
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def open_text(path: str, errors: str = 'strict') -> TextIO:
    """Open a file as UTF-8, or as UTF-16 if it begins with its byte order mark.

    The mark is not part of the text. Line ends are kept, as :mod:`csv` needs.

    Args:
        path (str): The file.
        errors (str): What happens with bytes of another encoding, as in
            :func:`open`. ``'surrogateescape'`` keeps them, as file names need.

    Raises:
        OSError: If the file cannot be read.
    """
    with open(path, 'rb') as file:
        encoding = 'utf-16' if file.read(2) in UTF_16 else 'utf-8-sig'
    return open(path, encoding=encoding, errors=errors, newline='')


def safe_cell(value: object) -> object:
    """Return a cell that no spreadsheet takes for a formula.

    A text that begins with ``=``, ``+``, ``-``, ``@``, a tab or a carriage return gets
    an apostrophe in front, which :class:`TextTable` takes away. Numbers stay.
    """
    if isinstance(value, str) and FORMULA.match(value):
        return f"'{value}"
    return value


class TextTable:
    """The rows of a csv file, with the separator of its first line.

    A spreadsheet with a decimal comma separates cells by semicolons, or by tabs,
    and may write the separator into an extra first line such as ``sep=;``.

    Args:
        lines (Iterable[str]): The lines of the file.

    Attributes:
        separator: A comma, a semicolon or a tab.
        header: Cells of the header, in lower case, without blanks around them.
        line: Number of the current line, from 1.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        lines = iter(lines)
        first = next(lines, '')
        self._skipped = int(first.lower().startswith('sep='))
        if self._skipped:
            self.separator = first[4:5].strip('\r\n') or ','
            first = next(lines, '')
        else:
            self.separator = max(SEPARATORS, key=first.count)
        self._reader = csv.reader(chain([first], lines), delimiter=self.separator)
        self.cells = next(self._reader, [])  # of the header, as they are
        self.header = [cell.strip().lower() for cell in self.cells]

    @property
    def line(self) -> int:
        """Number of the current line, from 1."""
        return self._reader.line_num + self._skipped

    def rows(self) -> Iterator[list[str]]:
        """Yield the cells of each line that is not blank."""
        for row in self._reader:
            if any(map(str.strip, row)):  # not a line of separators alone
                yield [c[1:] if c[:1] == "'" and FORMULA.match(c) else c for c in row]

    def dicts(self) -> Iterator[dict[str, str]]:
        """Yield the cells of each line by their column; a missing cell is empty."""
        for row in self.rows():
            cells = row + [''] * (len(self.header) - len(row))
            yield dict(zip(self.header, cells, strict=False))

    def number(self, text: str) -> float:
        """Parse a number, with a decimal comma if commas do not separate cells.

        Raises:
            ValueError: If the text is not a number; the message names the line.
        """
        if self.separator != ',':
            text = text.replace(',', '.')
        try:
            return float(text)
        except ValueError as error:
            raise ValueError(f'line {self.line}: {error}') from error
