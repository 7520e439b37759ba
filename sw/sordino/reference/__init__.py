"""Reference pages, generated from the contracts: `python -m sordino.reference docs`."""
