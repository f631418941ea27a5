"""Files: readers, writers, and the result that they store."""

# Exceptions of parsing a broken file: a list in place of a dict, a number too
# large for a float, brackets nested a thousand deep.
BROKEN = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)
