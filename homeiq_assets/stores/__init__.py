"""The stores: InfluxDB 2.7 and a folder of Parquet files, behind one interface."""
