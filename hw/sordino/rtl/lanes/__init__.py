"""The matrix side: stream decoders, lanes, groups, the array."""
