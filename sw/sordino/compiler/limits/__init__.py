"""What a machine cannot hold or a model cannot be, and how that is said."""
