"""Built-in tasks of the family 'summarization': one module a group."""
