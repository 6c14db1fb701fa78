"""Retention: what a fine-tuned model still can do besides the tasks it learned."""
