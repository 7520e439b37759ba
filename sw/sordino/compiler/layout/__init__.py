"""Where everything lies: rows on lanes, words in memories, streams outside."""
