"""The shipped models: the catalogue and the files."""

from .catalogue import (
    ShippedModel,
    model_files,
    shipped_file,
    shipped_models,
)

__all__ = ['ShippedModel', 'model_files', 'shipped_file', 'shipped_models']
