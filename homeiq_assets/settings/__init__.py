"""Every environment variable that the project reads."""
