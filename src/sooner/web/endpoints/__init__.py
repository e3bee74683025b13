"""The addresses of the API: one module a subject, one function an address."""
