"""Peak memory of the codec and of influxdb-client, each in a process of its own: the same rows, once or many times."""

import io
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.ipc
from codec_contenders import COLUMNS, data_frame, encode_frame, encode_ours
from influxdb_client.client.flux_csv_parser import FluxCsvParser, FluxSerializationMode
from measuring import peak_growth, tell_growth
from urllib3 import HTTPResponse

from homeiq_assets.stores.influxdb.csv_answer import CsvAnswer

TIMES = (1, 10, 100)


def growths(folder: Path, table: pa.Table, influxql_csv: bytes, flux_csv: bytes) -> dict[str, list[int]]:
    """By how many bytes the peak of a process grows while it does each work: the codec's with each of `TIMES`."""
    files = {"table": folder / "table.arrow", "influxql": folder / "influxql.csv", "flux": folder / "flux.csv"}
    with pa.ipc.new_file(files["table"], table.schema) as file:
        file.write_table(table)
    files["influxql"].write_bytes(influxql_csv)
    files["flux"].write_bytes(flux_csv)

    def growth(work: str, what: str, times: Sequence[int] = (1,)) -> list[int]:
        return [peak_growth(__file__, work, str(files[what]), str(many)) for many in times]

    return {
        "encode, batch by batch": growth("encode", "table", TIMES),
        "client: DataFrame serialiser": growth("serialise", "table"),
        "InfluxQL's CSV, batch by batch": growth("read", "influxql", TIMES),
        "client: query_data_frame": growth("parse", "flux"),
    }


class Repeated(io.RawIOBase):
    """The answer in a file, its rows several times over, never whole in memory."""

    def __init__(self, path: Path, times: int) -> None:
        whole = path.read_bytes()
        header, end = whole.index(b"\n") + 1, whole.rindex(b"\n\nname") + 1
        self._pieces = iter([whole[:header], *[memoryview(whole)[header:end]] * times, whole[end:]])
        self._piece = memoryview(b"")

    def read(self, size: int = -1, /) -> bytes:
        if not self._piece:
            self._piece = memoryview(next(self._pieces, b""))
        taken, self._piece = bytes(self._piece[:size]), self._piece[size:]
        return taken


def work(name: str, path: Path, times: int) -> Callable[[], object]:
    if name == "read":
        answer = CsvAnswer(Repeated(path, times), COLUMNS)
        return lambda: sum(batch.num_rows for batch in answer)
    if name == "parse":
        response = HTTPResponse(io.BytesIO(path.read_bytes()), preload_content=False)
        return lambda: list(FluxCsvParser(response, FluxSerializationMode.dataFrame).generator())
    with pa.OSFile(str(path)) as file:
        table = pa.ipc.open_file(file).read_all()
    if name == "encode":
        many = pa.concat_tables([table] * times)
        return lambda: encode_ours(many)
    frame = data_frame(table)
    return lambda: encode_frame(frame)


if __name__ == "__main__":
    tell_growth(work(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
