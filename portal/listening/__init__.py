"""What readers tell us: did a page answer their question, what did they search for in vain. Nobody's identity."""
