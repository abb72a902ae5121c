"""Who may come to the desk, and how guessing is made slow without shutting anybody out."""
