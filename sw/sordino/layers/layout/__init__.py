"""Where outputs lie: rows on lanes, and what parameter memory holds for them."""
