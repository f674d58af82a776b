"""A year of a shop, told as events, with the books that the store must come to. See README.md."""
