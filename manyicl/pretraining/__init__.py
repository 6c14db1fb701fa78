"""Pre-training of a small base model from a folder of text, with in-context patterns."""
