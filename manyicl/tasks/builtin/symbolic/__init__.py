"""Built-in tasks of the family 'symbolic': one module a group."""
