"""Built-in tasks of the family 'qa': one module a group."""
