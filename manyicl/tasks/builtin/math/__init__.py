"""Built-in tasks of the family 'math': one module a group."""
