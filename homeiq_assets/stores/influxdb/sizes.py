"""The bytes on disk of buckets, from the metrics that InfluxDB offers to a monitoring system.

Metric: `storage_shard_disk_size{bucket="<id>",…} <bytes>`, one a shard, in the text format of Prometheus,
https://prometheus.io/docs/instrumenting/exposition_formats/
"""

import re
from collections.abc import Iterable

from homeiq_assets.errors import StoreError
from homeiq_assets.stores.influxdb.connection import Connection

_SHARD = re.compile(r'^storage_shard_disk_size\{(?:.*,)?bucket="([^"]+)".*\} (\S+)', re.MULTILINE)


def sizes(connection: Connection, buckets: Iterable[str]) -> dict[str, int]:
    """The bytes of each bucket that exists. Raises StoreError where InfluxDB does not tell."""
    ids = {bucket: id_ for bucket in buckets if (id_ := connection.bucket_id(bucket))}
    text = connection.metrics()
    if "# TYPE " not in text:
        raise StoreError(
            f"INFLUXDB_URL: {connection.url} shows no metrics, so that sizes are not known: start InfluxDB without "
            f"--metrics-disabled (INFLUXD_METRICS_DISABLED), or let /metrics through what stands before it"
        )
    found = dict.fromkeys(ids.values(), 0)
    for shard in _SHARD.finditer(text):
        if shard[1] in found:
            found[shard[1]] += int(float(shard[2]))
    return {bucket: found[id_] for bucket, id_ in ids.items()}
