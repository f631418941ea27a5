"""Labels of a large model for the training of a small one."""
