"""What the assets of all groups share: options, failures, charts, reports of days."""
