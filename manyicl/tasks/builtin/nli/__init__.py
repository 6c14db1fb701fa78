"""Built-in tasks of the family 'nli': one module a group."""
