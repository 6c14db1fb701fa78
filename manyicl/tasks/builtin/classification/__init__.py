"""Built-in tasks of the family 'classification': one module a group."""
