"""What hostile people try, each tried here. Which test holds what: docs/security.md."""
