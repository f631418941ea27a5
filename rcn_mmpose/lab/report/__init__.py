"""Reports on a trained model: errors by group of faces, kind of box and image."""
