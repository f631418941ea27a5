"""Release of the models that ship with the package: files, model card, metafile."""
