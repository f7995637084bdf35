"""Answers of an InfluxDB 2.7.12 to InfluxQL, byte for byte as it sent them, with what was stored and asked."""

import pyarrow as pa

LINES = r"""
rooms,area=hall,entity_id=lamp state="on",value=1.5,n=3i,open=true 1760000000000000000
rooms,area=hall,entity_id=lamp state="a \"quoted\", b
next line",value=-0.0000001,n=7i 1760000000000000001
rooms,entity_id=door state="",n=-9223372036854775808i,open=false 1760000000000000002
rooms,area=Küche\ \,\ oben,entity_id=door value=1e22 1760000000000000003
"""

KEYS = "SHOW FIELD KEYS FROM rooms"
ASKED = f'SELECT area::tag, entity_id::tag, state::string, value::field, n::field, "open"::boolean FROM rooms; {KEYS}'
COLUMNS = [
    pa.field("area", pa.string()),
    pa.field("entity_id", pa.string()),
    pa.field("state", pa.string()),
    pa.field("value", pa.float64()),
    pa.field("n", pa.int64()),
    pa.field("open", pa.bool_()),
]
ANSWER = """\
name,tags,time,area,entity_id,state,value,n,open
rooms,,1760000000000000000,hall,lamp,on,1.5,3,true
rooms,,1760000000000000001,hall,lamp,"a ""quoted"", b
next line",-0.0000001,7,
rooms,,1760000000000000002,,door,,,-9223372036854775808,false
rooms,,1760000000000000003,"Küche , oben",door,,10000000000000000000000,,

name,tags,fieldKey,fieldType
rooms,,n,integer
rooms,,open,boolean
rooms,,state,string
rooms,,value,float
""".encode()
TYPES = {"n": {"integer"}, "open": {"boolean"}, "state": {"string"}, "value": {"float"}}

ASKED_ONE = f"SELECT value::field, value::field FROM rooms WHERE area::tag = 'hall'; {KEYS}"
ANSWER_ONE = b"""\
name,tags,time,value,value_1
rooms,,1760000000000000000,1.5,1.5
rooms,,1760000000000000001,-0.0000001,-0.0000001

name,tags,fieldKey,fieldType
rooms,,n,integer
rooms,,open,boolean
rooms,,state,string
rooms,,value,float
"""

ASKED_LAST = f"SELECT last(n::field), area::tag, entity_id::tag FROM rooms GROUP BY area::tag, entity_id::tag; {KEYS}"
ANSWER_LAST = b"""\
name,tags,time,last,area,entity_id
rooms,entity_id=door,1760000000000000002,-9223372036854775808,,door
rooms,"area=hall,entity_id=lamp",1760000000000000001,7,hall,lamp

name,tags,fieldKey,fieldType
rooms,,n,integer
rooms,,open,boolean
rooms,,state,string
rooms,,value,float
"""

ASKED_NOTHING = f"SELECT n::field, value::field FROM rooms WHERE time < 0; {KEYS}"
ANSWER_NOTHING = b"""\
name,tags,fieldKey,fieldType
rooms,,n,integer
rooms,,open,boolean
rooms,,state,string
rooms,,value,float
"""

ASKED_UNKNOWN = "SELECT n::field, value::field FROM cellar; SHOW FIELD KEYS FROM cellar"
ANSWER_UNKNOWN = b""
"""the answer about a database that does not exist, or that the token may not read, is the same"""

LINES_MIXED = ('rooms v="x",w=2i 1700000000000000000', "rooms v=1,w=1 1760000000000000000")
"""in two shards, so that both types of a name are stored"""
ASKED_MIXED = f"SELECT v::string, w::field FROM rooms; {KEYS}"
ANSWER_MIXED = b"""\
name,tags,time,v,w
rooms,,1700000000000000000,x,2
rooms,,1760000000000000000,,1

name,tags,fieldKey,fieldType
rooms,,v,float
rooms,,v,string
rooms,,w,float
rooms,,w,integer
"""
