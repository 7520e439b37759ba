"""Networks, losses, and the changes that compression makes to weights."""
