"""For whoever runs the portal: what it counts, whether it is ready, and what to call a request that failed.

Nothing here says who read what: kinds of address are counted, never an address.
"""
