"""What a float becomes in integers: units, biases, multipliers, groups of zeros."""
