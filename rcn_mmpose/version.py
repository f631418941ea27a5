"""The version, on its own so that set-up tools can read it unimported."""

__version__ = '0.1.0'
