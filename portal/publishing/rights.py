"""Who may see what is not published. Every side door asks here: preview, compare, history, export, API."""


def may_read_unpublished(user) -> bool:
    """Preview, compare, history, remarks, export: words that nobody has published."""
    return user.is_active and user.is_staff and user.has_perm("publishing.read_unpublished")
