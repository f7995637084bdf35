"""InfluxQL's CSV answer as Arrow: types, streaming, and that an answer that is not whole never looks as if it were."""

import io
from typing import Any

import httpx
import pyarrow as pa
import pytest
import urllib3.exceptions
from hypothesis import given
from hypothesis import strategies as st

from homeiq_assets.errors import FieldTypeConflict
from homeiq_assets.stores.influxdb import csv_answer
from homeiq_assets.stores.influxdb.csv_answer import BrokenAnswer, CsvAnswer, ForeignAnswer
from homeiq_assets_tests.stores.influxd import Influxd
from homeiq_assets_tests.stores.influxdb import codec_answers as recorded

NUMBER = [pa.field("n", pa.int64()), pa.field("value", pa.float64())]
HEADER = b"name,tags,time,n,value\n"
PROOF = b"\nname,tags,fieldKey,fieldType\nm,,n,integer\nm,,value,float\n"


def read(body: bytes, columns: list[pa.Field] = recorded.COLUMNS) -> tuple[list[dict[str, Any]], dict[str, set[str]]]:
    """The rows of an answer, and the types of the stored fields."""
    answer = CsvAnswer(io.BytesIO(body), columns)
    rows = [row for batch in answer for row in batch.to_pylist()]
    return rows, answer.field_types


def test_an_answer_is_rows_of_the_types_asked_for() -> None:
    answer = CsvAnswer(io.BytesIO(recorded.ANSWER), recorded.COLUMNS)
    (batch,) = answer

    assert batch.schema == pa.schema([pa.field("time", pa.int64()), *recorded.COLUMNS])
    assert batch.column("time").to_pylist() == [1_760_000_000_000_000_000 + n for n in range(4)]
    assert batch.column("value").to_pylist() == [1.5, -1e-7, None, 1e22]
    assert batch.column("n").to_pylist() == [3, 7, -(2**63), None]
    assert batch.column("open").to_pylist() == [True, None, False, None]
    assert answer.field_types == recorded.TYPES


def test_quoted_commas_quotes_and_line_breaks_belong_to_their_cell() -> None:
    rows, _ = read(recorded.ANSWER)

    assert [row["area"] for row in rows] == ["hall", "hall", None, "Küche , oben"]
    assert rows[1]["state"] == 'a "quoted", b\nnext line'


def test_an_empty_cell_is_absent_in_every_type() -> None:
    rows, _ = read(recorded.ANSWER)

    assert rows[2]["area"] is None
    assert rows[2]["state"] is None
    assert rows[3] == {"time": 1_760_000_000_000_000_003, "area": "Küche , oben", "entity_id": "door"} | dict.fromkeys(
        ("state", "n", "open")
    ) | {"value": 1e22}


@pytest.mark.parametrize("text", ["null", "NULL", "NaN", "N/A", "nan", "true", "007", "1e3", " x ", "#N/A", r"\N", "-"])
def test_a_string_that_looks_like_something_else_stays_that_string(text: str) -> None:
    columns = [pa.field("a", pa.string()), pa.field("b", pa.string())]

    assert read(b"name,tags,time,a,b\nm,,1,%b,x\n" % text.encode(), columns)[0] == [{"time": 1, "a": text, "b": "x"}]


def test_numbers_keep_every_digit() -> None:
    huge = b"17976931348623157" + b"0" * 292
    tiny = b"0." + b"0" * 323 + b"5"
    rows, _ = read(
        HEADER + b"m,,-9223372036854775806,9223372036854775807,-%b\nm,,1,-1,%b\nm,,2,0,-0\n" % (huge, tiny), NUMBER
    )

    assert rows[0] == {"time": -(2**63) + 2, "n": 2**63 - 1, "value": -1.7976931348623157e308}
    assert rows[1]["value"] == 5e-324
    assert str(rows[2]["value"]) == "-0.0"


def test_the_answer_of_a_grouped_query_tells_its_tags_as_columns_too() -> None:
    columns = [pa.field("n", pa.int64()), pa.field("area", pa.string()), pa.field("entity_id", pa.string())]

    rows, types = read(recorded.ANSWER_LAST, columns)

    assert rows == [
        {"time": 1_760_000_000_000_000_002, "n": -(2**63), "area": None, "entity_id": "door"},
        {"time": 1_760_000_000_000_000_001, "n": 7, "area": "hall", "entity_id": "lamp"},
    ]
    assert types == recorded.TYPES


def test_a_single_column_is_asked_for_twice_and_read_once() -> None:
    assert CsvAnswer.select(["value::field"]) == "value::field, value::field"
    assert CsvAnswer.select(["n::field", "value::field"]) == "n::field, value::field"

    rows, types = read(recorded.ANSWER_ONE, [pa.field("value", pa.float64())])

    assert rows == [
        {"time": 1_760_000_000_000_000_000, "value": 1.5},
        {"time": 1_760_000_000_000_000_001, "value": -1e-7},
    ]
    assert types == recorded.TYPES


def test_a_selection_without_rows_still_proves_that_it_came_whole() -> None:
    assert read(recorded.ANSWER_NOTHING, NUMBER) == ([], recorded.TYPES)
    assert list(CsvAnswer(io.BytesIO(recorded.ANSWER_NOTHING), NUMBER)) == []


def test_an_empty_answer_proves_nothing() -> None:
    assert read(recorded.ANSWER_UNKNOWN, NUMBER) == ([], {})
    assert read(HEADER, NUMBER) == ([], {})


def test_rows_without_the_second_statement_prove_nothing() -> None:
    rows, types = read(recorded.ANSWER.partition(b"\n\nname")[0] + b"\n")

    assert len(rows) == 4
    assert types == {}


def test_a_field_stored_under_several_types_is_known_with_all_of_them() -> None:
    columns = [pa.field("v", pa.string()), pa.field("w", pa.float64())]

    rows, types = read(recorded.ANSWER_MIXED, columns)

    assert [(row["v"], row["w"]) for row in rows] == [("x", 2.0), (None, 1.0)]
    assert types == {"v": {"float", "string"}, "w": {"float", "integer"}}


def test_names_of_stored_fields_may_hold_commas_quotes_and_line_breaks() -> None:
    keys = b'm,,"a, ""b""",float\n"m, n",,"two\nlines",unsigned\n'

    assert read(HEADER + b"m,,1,2,3\n" + PROOF + keys, NUMBER)[1] == {
        "n": {"integer"},
        "value": {"float"},
        'a, "b"': {"float"},
        "two\nlines": {"unsigned"},
    }


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # of Arrow, about half a letter
def test_an_answer_cut_short_anywhere_is_an_error_or_has_no_proof_or_has_all_rows() -> None:
    whole, _ = read(recorded.ANSWER)
    outcomes = set()
    for length in range(len(recorded.ANSWER)):
        try:
            rows, types = read(recorded.ANSWER[:length])
        except (BrokenAnswer, FieldTypeConflict):
            outcomes.add("error")
            continue
        assert not types or rows == whole, recorded.ANSWER[:length]
        assert all(types[name] == recorded.TYPES[name] for name in types)
        outcomes.add("proof" if types else "no proof")

    assert outcomes == {"error", "proof", "no proof"}


def test_a_row_cut_to_the_length_of_the_second_statements_rows_is_no_proof() -> None:
    for cut in (b"m,,2,float", b"m,,2,8"):
        with pytest.raises(BrokenAnswer, match=cut.decode()):
            read(HEADER + b"m,,1,7,1.5\n" + cut, NUMBER)


@pytest.mark.parametrize(
    "body",
    [
        b"<!DOCTYPE html><html><body>502 Bad Gateway</body></html>",
        b"<html>\n<body>\n<h1>502 Bad Gateway</h1>\n</body>\n</html>\n",
        b'{"code":"unauthorized","message":"unauthorized access"}',
        b'{"results":[{"statement_id":0,\n"a":1,"b":2,"c":3}]}\n',
        b"\x1f\x8b\x08\x00compressed",
        b"<" * 200_000,
        HEADER.replace(b"time", b"when"),
    ],
)
def test_something_else_in_place_of_an_answer_is_told(body: bytes) -> None:
    with pytest.raises(ForeignAnswer) as error:
        read(body, NUMBER)

    assert str(error.value) == body.partition(b"\n")[0].decode(errors="replace")[:300]


@pytest.mark.parametrize("row", [b"m,,1,7,1.5,extra", b"m,,1", b"<p>timeout</p>", b"m,,yesterday,7,1.5"])
def test_a_broken_row_is_told(row: bytes) -> None:
    with pytest.raises(BrokenAnswer, match=row.decode().split(",")[2] if b"yesterday" in row else row.decode()):
        read(HEADER + b"m,,1,7,1.5\n" + row + b"\n" + PROOF, NUMBER)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (b"m,,1,7,on", "the stored field value is not double throughout.*'on'"),
        (b"m,,1,2.5,1", "the stored field n is not int64 throughout.*'2.5'"),
        (b"m,,1,18446744073709551615,1", "the stored field n is not int64 throughout"),
    ],
)
def test_a_value_of_another_type_is_a_conflict_that_names_the_field(row: bytes, said: str) -> None:
    with pytest.raises(FieldTypeConflict, match=said):
        read(HEADER + b"m,,1,7,1.5\n" + row + b"\n" + PROOF, NUMBER)


def test_what_goes_wrong_while_reading_comes_through() -> None:
    class Breaking(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell():
                raise urllib3.exceptions.ProtocolError("Connection broken")
            return super().read(100)

    with pytest.raises(urllib3.exceptions.ProtocolError):
        list(CsvAnswer(Breaking(HEADER + b"m,,1,7,1.5\n" * 100), NUMBER))


class Endless(io.RawIOBase):
    """An answer that goes on for ever, read a thousand times at most."""

    def __init__(self) -> None:
        self.reads = 0

    def read(self, size: int = -1, /) -> bytes:
        self.reads += 1
        assert self.reads < 1000, "the body is read far ahead of who asks for rows"
        row = b"m,,1,7,1.5\n"
        return (HEADER if self.reads == 1 else b"") + row * (size // len(row))


def test_rows_are_there_before_the_answer_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_answer, "BLOCK_BYTES", 1100)
    batches = iter(CsvAnswer(Endless(), NUMBER))

    rows = [next(batches).num_rows for _ in range(500)]
    batches.close()  # type: ignore[attr-defined]

    assert min(rows) >= 99


@given(
    texts=st.lists(st.text(st.sampled_from('a,"\n\r ü🏠'), min_size=1, max_size=12), min_size=1, max_size=30),
    block=st.integers(100, 300),
    step=st.integers(1, 300),
)
def test_rows_are_the_same_wherever_blocks_end(texts: list[str], block: int, step: int) -> None:
    quoted = [text.replace('"', '""') for text in texts]
    rows = "".join(f'"m",,{n},"{text}",0.5\n' for n, text in enumerate(quoted))
    columns = [pa.field("s", pa.string()), pa.field("value", pa.float64())]

    class Dribbling(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(size or 0, step))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_answer, "BLOCK_BYTES", block)
        answer = CsvAnswer(Dribbling(b"name,tags,time,s,value\n" + rows.encode() + PROOF), columns)
        found = [row for batch in answer for row in batch.to_pylist()]

    assert found == [{"time": n, "s": text, "value": 0.5} for n, text in enumerate(texts)]
    assert answer.field_types == {"n": {"integer"}, "value": {"float"}}


def test_a_line_feed_is_kept_where_a_block_ends_behind_its_carriage_return(monkeypatch: pytest.MonkeyPatch) -> None:
    columns = [pa.field("s", pa.string()), pa.field("value", pa.float64())]
    body = b"name,tags,time,s,value\n" + b'm,,1,"a\r\nb\r\r\nc\r",0.5\n' * 20
    for block in range(50, 90):
        monkeypatch.setattr(csv_answer, "BLOCK_BYTES", block)

        assert {row["s"] for row in read(body, columns)[0]} == {"a\r\nb\r\r\nc\r"}


def test_the_longest_string_that_influxdb_takes_fits() -> None:
    columns = [pa.field("s", pa.string()), pa.field("value", pa.float64())]
    longest = b'""' * 2**20
    row = b'm,,1,"' + longest + b'",1\n'

    rows, _ = read(b"name,tags,time,s,value\n" + row * 9 + PROOF, columns)

    assert [row["s"] == '"' * 2**20 for row in rows] == [True] * 9


@pytest.mark.influxdb
def test_a_real_influxdb_answers_as_recorded_here(influxd: Influxd) -> None:
    bucket, mixed = influxd.create_bucket(), influxd.create_bucket()
    influxd.write(bucket, recorded.LINES)
    for lines in recorded.LINES_MIXED:
        influxd.write(mixed, lines)

    def ask(database: str, query: str) -> bytes:
        parameters = {"db": database, "q": query, "epoch": "ns", "chunked": "true"}
        headers = {"Authorization": f"Token {influxd.token_all}", "Accept": "application/csv"}
        answer = httpx.get(f"{influxd.url}/query", params=parameters, headers=headers, trust_env=False)
        return answer.raise_for_status().content

    assert ask(bucket, recorded.ASKED) == recorded.ANSWER
    assert ask(bucket, recorded.ASKED_ONE) == recorded.ANSWER_ONE
    assert ask(bucket, recorded.ASKED_LAST) == recorded.ANSWER_LAST
    assert ask(bucket, recorded.ASKED_NOTHING) == recorded.ANSWER_NOTHING
    assert ask(bucket, recorded.ASKED_UNKNOWN) == recorded.ANSWER_UNKNOWN
    assert ask("nowhere", recorded.ASKED_UNKNOWN) == recorded.ANSWER_UNKNOWN
    assert ask(mixed, recorded.ASKED_MIXED) == recorded.ANSWER_MIXED
