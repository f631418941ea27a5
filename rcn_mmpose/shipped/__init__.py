"""The models that ship with the package: a catalogue and their files."""

from .catalogue import (
    ShippedModel,
    model_files,
    shipped_file,
    shipped_models,
)

__all__ = ['ShippedModel', 'model_files', 'shipped_file', 'shipped_models']
