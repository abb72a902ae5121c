"""Files for translators and their tools, out and in. Only texts go in and out here; what becomes of them is decided
elsewhere.
"""
