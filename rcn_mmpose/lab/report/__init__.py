"""Reports on a trained model: errors by group, by detector and by image."""
