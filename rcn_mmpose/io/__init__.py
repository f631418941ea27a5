"""Files: what is read and written, and what a broken file can raise."""
