"""The whole public site without a server: which addresses it has, and what stands there (portal.static_copy writes).

A copy holds the live pages byte for byte. What needs a server is something else in a copy, and `urls` says what.
"""
