"""The store in a folder of Parquet files."""
