"""What storage is used: by which measurement, in store and archive, what was saved by removal, and what it costs."""
