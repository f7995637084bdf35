"""Arrow tables as line protocol: what each kind of value becomes, what is left out, and how lines are batched."""

import itertools
import math
import re
import struct

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeiq_assets.schema.measurement import TIME, Type
from homeiq_assets.stores.influxdb import line_protocol
from homeiq_assets.stores.influxdb.line_protocol import as_stored, encode
from homeiq_assets_tests.stores.influxdb.codec_rows import START_NS, Rows, client_lines, rows, table_of


def line(value: object, tag: str | None = "v", *, name: str = "m", tag_key: str = "t", key: str = "f") -> str:
    """The line of one row with one tag and one field at time 1."""
    table = table_of([1], **{tag_key: pa.array([tag], pa.string()), key: [value]})
    return b"".join(encode(table, name, [tag_key], [key])).decode()


def test_a_row_is_a_line_of_measurement_tags_fields_and_time() -> None:
    table = table_of([START_NS, START_NS + 1], room=["hall", "attic"], power=[21.5, 0.0], n=[3, -4], on=[True, False])

    assert b"".join(encode(table, "meter", ["room"], ["power", "n", "on"])).decode() == (
        "meter,room=hall n=3i,on=true,power=21.5 1760000000000000000\n"
        "meter,room=attic n=-4i,on=false,power=0 1760000000000000001\n"
    )


def test_tags_and_fields_come_in_order_of_their_names() -> None:
    table = table_of([1], b=["2"], a=["1"], z=[1.0], y=["s"])

    assert b"".join(encode(table, "m", ["b", "a"], ["z", "y"])) == b'm,a=1,b=2 y="s",z=1 1\n'


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("living room", r"living\ room"),
        ("48.2,16.4", r"48.2\,16.4"),
        ("a=b", r"a\=b"),
        ('the "big" one', 'the\\ "big"\\ one'),
        ("Küche 🏠", r"Küche\ 🏠"),
        ("two\nlines", r"two\nlines"),
        ("a\tb\rc", "a\tb\\rc"),
        (r"back\slash", r"back\slash"),
        (r"a\,b", r"a\\,b"),
        ("last\\", "last\\ "),
        ("last\\\\", "last\\\\ "),
        ("#", "#"),
        (" ", "\\ "),
    ],
)
def test_a_tag_value_cannot_end_its_place_in_the_line(value: str, written: str) -> None:
    assert line(1.0, value) == f"m,t={written} f=1 1\n"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("", '""'),
        ("plain, with = and blanks", '"plain, with = and blanks"'),
        ('the "big" one', r'"the \"big\" one"'),
        ("back\\slash", r'"back\\slash"'),
        ("last\\", r'"last\\"'),
        ('\\"', r'"\\\""'),
        ("\\\\\\", r'"\\\\\\"'),
        ("two\nlines\r\n", '"two\nlines\r\n"'),
        ("Grüße, 21 °C 🏠", '"Grüße, 21 °C 🏠"'),
        ("1.5", '"1.5"'),
    ],
)
def test_a_string_cannot_end_its_quotes(value: str, written: str) -> None:
    assert line(value) == f"m,t=v f={written} 1\n"


def test_names_are_escaped() -> None:
    assert (
        line(1.0, name="a b,c=d", tag_key="t u,v=w", key="f g,h=i") == r"a\ b\,c=d,t\ u\,v\=w=v f\ g\,h\=i=1 1" + "\n"
    )
    assert line("x", name="Zähler 🏠", tag_key="Raum ü", key='k"ö') == 'Zähler\\ 🏠,Raum\\ ü=v k"ö="x" 1\n'


@pytest.mark.parametrize("name", ["", "a\nb", "a\tb", "a\rb", "a\\", "a\\,b", "a\\ b", "a\\=b", 'a\\"b'])
def test_a_name_that_line_protocol_cannot_carry_is_refused(name: str) -> None:
    table = table_of([1], **{name: ["v"], "f": [1.0]})

    with pytest.raises(ValueError, match="a name may not") as measurement_error:
        list(encode(table, name, [], ["f"]))
    with pytest.raises(ValueError, match="a name may not"):
        list(encode(table, "m", [name], ["f"]))
    with pytest.raises(ValueError, match="a name may not"):
        list(encode(table, "m", [], [name]))
    assert repr(name) in str(measurement_error.value)


def test_a_measurement_whose_lines_would_be_comments_is_refused() -> None:
    with pytest.raises(ValueError, match="may not begin with '#': '#m'"):
        line(1.0, name="#m")
    assert line(1.0, tag_key="#t", key="#f") == "m,#t=v #f=1 1\n"


def test_a_tag_without_value_is_left_out() -> None:
    table = table_of([1, 2, 3, 4], a=["x", "", None, "y"], b=[None, "z", "", ""], f=[1.0, 2.0, 3.0, 4.0])

    assert b"".join(encode(table, "m", ["a", "b"], ["f"])) == b"m,a=x f=1 1\nm,b=z f=2 2\nm f=3 3\nm,a=y f=4 4\n"
    assert b"".join(encode(table, "m", [], ["f"])) == b"m f=1 1\nm f=2 2\nm f=3 3\nm f=4 4\n"


@pytest.mark.parametrize("complete", ["none", "f", "i", "o", "s"])
def test_an_absent_value_is_left_out_and_takes_its_comma_along(complete: str) -> None:
    columns = {"f": [1.5, None, None], "i": [None, 2, None], "o": [None, None, True], "s": ["x", None, "z"]}
    whole = {"f": 9.5, "i": 9, "o": False, "s": "w"}
    columns |= {} if complete == "none" else {complete: [whole[complete]] * 3}
    table = table_of([1, 2, 3], **columns)

    assert b"".join(encode(table, "m", [], list(columns))).decode() == "".join(
        client_lines(Rows("m", (), dict(zip(columns, Type, strict=True)), table))
    )


def test_a_row_without_any_value_is_no_line() -> None:
    table = table_of([1, 2, 3], t=["a", "b", "c"], f=[1.0, None, None], s=[None, None, "x"])

    assert b"".join(encode(table, "m", ["t"], ["f", "s"])) == b'm,t=a f=1 1\nm,t=c s="x" 3\n'
    assert list(encode(table.slice(1, 1), "m", ["t"], ["f", "s"])) == []
    assert list(encode(table, "m", ["t"], [])) == []


def test_numbers_that_are_not_finite_are_absent() -> None:
    table = table_of([1, 2, 3, 4], f=[math.nan, math.inf, -math.inf, 1.0], n=[1, None, 3, 4])

    assert b"".join(encode(table, "m", [], ["f", "n"])) == b"m n=1i 1\nm n=3i 3\nm f=1,n=4i 4\n"


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=40), st.sampled_from([1, 3]))
def test_a_float_is_the_shortest_text_that_reads_back_as_exactly_the_same_number(
    numbers: list[float], repeats: int
) -> None:
    numbers = [*numbers, 0.0, -0.0] * repeats
    written = b"".join(encode(table_of(range(len(numbers)), f=numbers), "m", [], ["f"])).decode().splitlines()
    texts = [one.removeprefix("m f=").partition(" ")[0] for one in written]

    assert [struct.pack("d", float(text)) for text in texts] == [struct.pack("d", number) for number in numbers]
    assert [digits(text) for text in texts] == [digits(repr(number)) for number in numbers]


def digits(number: str) -> str:
    """The digits that a number's text needs: without sign, point, exponent and zeros at either end."""
    return number.lower().partition("e")[0].replace(".", "").strip("-0")


def test_integers_reach_to_both_ends_of_their_range() -> None:
    assert line(2**63 - 1) == "m,t=v f=9223372036854775807i 1\n"
    assert line(-(2**63)) == "m,t=v f=-9223372036854775808i 1\n"


@pytest.mark.parametrize("kind", [pa.int8(), pa.int16(), pa.int32(), pa.uint8(), pa.uint32(), pa.int64()])
def test_every_integer_type_is_an_integer(kind: pa.DataType) -> None:
    assert line(pa.scalar(7, kind).as_py()) == "m,t=v f=7i 1\n"
    assert b"".join(encode(table_of([1], f=pa.array([7], kind)), "m", [], ["f"])) == b"m f=7i 1\n"


def test_large_and_dictionary_encoded_strings_are_strings() -> None:
    table = table_of([1], t=pa.array(["a b"]).dictionary_encode(), s=pa.array(['"'], pa.large_string()))

    assert b"".join(encode(table, "m", ["t"], ["s"])) == b'm,t=a\\ b s="\\"" 1\n'


@pytest.mark.parametrize("kind", [pa.date32(), pa.binary(), pa.timestamp("ns"), pa.list_(pa.int64()), pa.decimal128(5)])
def test_a_field_of_another_type_is_an_error_that_names_it(kind: pa.DataType) -> None:
    table = table_of([1], f=pa.array([None], kind), g=[1.0])

    with pytest.raises(TypeError, match=re.escape(f"field f: {kind} is not a type of InfluxDB")):
        list(encode(table, "m", [], ["f", "g"]))


@pytest.mark.parametrize(("unit", "factor"), [("s", 10**9), ("ms", 10**6), ("us", 1000), ("ns", 1)])
@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Vienna"])
def test_times_are_written_in_nanoseconds_whatever_their_unit_and_zone(unit: str, factor: int, zone: str) -> None:
    times = pa.array([-1, 0, 1_700_000_000], pa.int64()).cast(pa.timestamp(unit, zone))

    written = b"".join(encode(pa.table({"time": times, "f": [1, 2, 3]}), "m", [], ["f"])).decode()

    assert written == f"m f=1i {-factor}\nm f=2i 0\nm f=3i {1_700_000_000 * factor}\n"


def test_a_row_without_time_is_refused_because_influxdb_would_give_it_the_present() -> None:
    table = pa.table({"time": pa.array([1, None], pa.int64()).cast(TIME), "f": [1.0, 2.0]})

    with pytest.raises(ValueError, match="m: a row has no time"):
        list(encode(table, "m", [], ["f"]))


def test_only_the_columns_named_are_written() -> None:
    table = table_of([1], t=["v"], f=[1.0], other=[pa.scalar(None)])

    assert b"".join(encode(table, "m", ["t"], ["f"])) == b"m,t=v f=1 1\n"


def test_no_rows_are_no_batches() -> None:
    assert list(encode(table_of([], f=pa.array([], pa.float64())), "m", [], ["f"])) == []


def test_lines_come_in_batches_of_the_size_asked_for() -> None:
    table = table_of(range(10), f=list(range(10)))

    batches = [batch.decode().splitlines() for batch in encode(table, "m", [], ["f"], batch_rows=4)]

    assert [len(batch) for batch in batches] == [4, 4, 2]
    assert list(itertools.chain(*batches)) == [f"m f={n}i {n}" for n in range(10)]


def test_batches_are_full_although_rows_are_encoded_by_the_slab(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_protocol, "SLAB_ROWS", 7)
    batches = encode(table_of(range(14), f=list(range(14))), "m", [], ["f"], batch_rows=3)

    assert [batch.count(b"\n") for batch in batches] == [3, 3, 3, 3, 2]


def test_a_table_of_many_small_chunks_is_written_in_full_batches() -> None:
    table = pa.concat_tables([table_of([n], f=[n]) for n in range(10)])

    assert [batch.count(b"\n") for batch in encode(table, "m", [], ["f"], batch_rows=5)] == [5, 5]


def test_rows_are_encoded_by_the_slab_and_only_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_protocol, "SLAB_ROWS", 4)
    table = pa.concat_tables([table_of(range(6), f=["ok"] * 6), table_of([None], f=["a row of the second slab"])])
    batches = encode(table, "m", [], ["f"], batch_rows=2)

    assert [next(batches).count(b"\n") for _ in range(2)] == [2, 2]
    with pytest.raises(ValueError, match="no time"):
        next(batches)


@given(given_rows=rows(), batch_rows=st.integers(1, 5), slab_rows=st.integers(1, 7))
def test_lines_are_those_of_influxdb_client_whatever_the_rows(
    given_rows: Rows, batch_rows: int, slab_rows: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(line_protocol, "SLAB_ROWS", slab_rows)
        batches = given_rows.encoded(batch_rows=batch_rows)

    lines = client_lines(given_rows)
    assert b"".join(batches).decode() == "".join(lines)
    for batch in batches:
        count = next(n for n in range(1, len(lines) + 1) if "".join(lines[:n]) == batch.decode())
        assert count <= batch_rows
        lines = lines[count:]


def test_tags_may_have_more_combinations_than_a_number_can_count() -> None:
    tags = {f"tag{n}": [f"value {row * (n + 1) % 41}" for row in range(41)] for n in range(14)}
    many = Rows("m", tuple(tags), {"f": Type.INTEGER}, table_of(range(41), **tags, f=list(range(41))))

    assert b"".join(many.encoded()).decode() == "".join(client_lines(many))


def test_tag_values_are_known_as_influxdb_gives_them_back() -> None:
    values = pa.chunked_array([["plain", "a\nb\tc\rd", "last\\"], ["last\\\\", "back\\slash", "", None]])

    assert as_stored(values).to_pylist() == ["plain", "a\\nb\tc\\rd", "last ", "last\\ ", "back\\slash", "", None]
    assert as_stored(as_stored(values)) == as_stored(values)
