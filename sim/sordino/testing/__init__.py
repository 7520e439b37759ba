"""Images, benches of parts and second designs: what tests and campaigns share."""
