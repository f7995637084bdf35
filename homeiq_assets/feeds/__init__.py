"""The outside feeds: a folder per feed with its assets and one small module per provider."""
