"""Years as Parquet on S3 or in a folder."""
