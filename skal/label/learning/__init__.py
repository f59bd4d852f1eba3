"""What learns from the answers, and chooses what is asked next."""
