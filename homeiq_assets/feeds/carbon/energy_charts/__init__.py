"""Energy-Charts: carbon intensity and mix of Europe."""
