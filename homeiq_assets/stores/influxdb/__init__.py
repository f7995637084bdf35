"""The store in an InfluxDB 2.7."""
