"""Files: readers, writers, and the result that they store."""
