#!/usr/bin/env python3
"""Writes cases.json: Avro data made by fastavro (pip install fastavro), and the JSON that it is to become.

    make_cases.py > cases.json

The expected JSON of each hand-made case is written here by hand; that of the random ones by `plain` below, from what
fastavro was given and not from its bytes.
"""
import base64
import datetime
import decimal
import io
import json
import random
import sys
import uuid

import fastavro
import fastavro.utils

CASES = []


def encode(schema, value, parsed=None):
    out = io.BytesIO()
    fastavro.schemaless_writer(out, parsed or fastavro.parse_schema(json.loads(json.dumps(schema))), value)
    return out.getvalue().hex()


def case(name, schema, value, expected):
    CASES.append({"name": name, "schema": schema, "hex": encode(schema, value), "json": expected})


def record(*fields, name="R"):
    return {"type": "record", "name": name, "fields": [{"name": n, "type": t} for n, t in fields]}


def logical(kind, name, **more):
    return {"type": kind, "logicalType": name, **more}


case("null", "null", None, None)
case("boolean", "boolean", True, True)
for number in (0, -1, 1, 63, -64, 64, 2**31 - 1, -(2**31)):
    case(f"int {number}", "int", number, number)
for number in (2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63)):
    case(f"long {number}", "long", number, number)
case("float", "float", 0.1, 0.1)
case("double", "double", 0.1, 0.1)
case("double of a whole number", "double", 3.0, 3.0)
case("double beyond all integers", "double", 1e300, 1e300)
case("double nan", "double", float("nan"), "NaN")
case("float infinity", "float", float("-inf"), "-Infinity")
case("bytes", "bytes", b"\x00\xff\x10", base64.b64encode(b"\x00\xff\x10").decode())
case("string", "string", 'quote " backslash \\ newline \n Zürich 東京 😀 \x01', 'quote " backslash \\ newline \n Zürich 東京 😀 \x01')
case("empty string", "string", "", "")
case("fixed", {"type": "fixed", "name": "F", "size": 3}, b"abc", "YWJj")
case("enum", {"type": "enum", "name": "E", "symbols": ["A", "B", "C"]}, "C", "C")
case("array", {"type": "array", "items": "int"}, [1, 2, 3], [1, 2, 3])
case("empty array", {"type": "array", "items": "int"}, [], [])
case("map", {"type": "map", "values": "long"}, {"a": 1, "b/c": 2**60, "": 0}, {"a": 1, "b/c": 2**60, "": 0})
case("union null", ["null", "string"], None, None)
case("union string", ["null", "string"], "x", "x")
case("record", record(("id", "long"), ("note", ["null", "string"])), {"id": 2**60 + 1, "note": None},
     {"id": 2**60 + 1, "note": None})
case("record without fields", record(), {}, {})
LIST = record(("value", "int"), ("next", ["null", "List"]), name="List")
case("list of itself", LIST, {"value": 1, "next": {"value": 2, "next": None}},
     {"value": 1, "next": {"value": 2, "next": None}})
SPACED = {"type": "record", "name": "Order", "namespace": "com.shop", "fields": [
    {"name": "to", "type": {"type": "record", "name": "Address", "fields": [{"name": "city", "type": "string"}]}},
    {"name": "from", "type": ["null", "Address"]},
    {"name": "also", "type": "com.shop.Address"},
    {"name": "other", "type": {"type": "enum", "name": "org.Kind", "symbols": ["X", "Y"]}},
    {"name": "again", "type": "org.Kind"}]}
case("names in namespaces", SPACED,
     {"to": {"city": "Bern"}, "from": {"city": "Rom"}, "also": {"city": "Oslo"}, "other": "Y", "again": "X"},
     {"to": {"city": "Bern"}, "from": {"city": "Rom"}, "also": {"city": "Oslo"}, "other": "Y", "again": "X"})
for text in ("12.50", "-12.50", "0.00", "-0.01", "99999999999999999999.99", "-128.00", "1.27"):
    case(f"decimal {text}", logical("bytes", "decimal", precision=30, scale=2), decimal.Decimal(text), text)
case("decimal without scale", logical("bytes", "decimal", precision=30), decimal.Decimal(1234567890123456789012),
     "1234567890123456789012")
case("decimal in a fixed", {"type": "fixed", "name": "D", "size": 8, "logicalType": "decimal", "precision": 10, "scale": 3},
     decimal.Decimal("-1.005"), "-1.005")
UTC = datetime.timezone.utc
case("date", logical("int", "date"), datetime.date(2024, 2, 29), "2024-02-29")
case("date before 1970", logical("int", "date"), datetime.date(1, 1, 1), "0001-01-01")
case("last date", logical("int", "date"), datetime.date(9999, 12, 31), "9999-12-31")
case("time-millis", logical("int", "time-millis"), datetime.time(12, 30, 0, 123000), "12:30:00.123")
case("time-micros", logical("long", "time-micros"), datetime.time(23, 59, 59, 999999), "23:59:59.999999")
case("timestamp-millis", logical("long", "timestamp-millis"), datetime.datetime(2026, 11, 26, 12, 30, 0, 123000, UTC),
     "2026-11-26T12:30:00.123Z")
case("timestamp-micros before 1970", logical("long", "timestamp-micros"),
     datetime.datetime(1969, 12, 31, 23, 59, 59, 999999, UTC), "1969-12-31T23:59:59.999999Z")
case("local-timestamp-millis", logical("long", "local-timestamp-millis"), datetime.datetime(2026, 11, 26, 12, 30),
     "2026-11-26T12:30:00.000")
case("local-timestamp-micros", logical("long", "local-timestamp-micros"), datetime.datetime(2026, 11, 26, 12, 30),
     "2026-11-26T12:30:00.000000")
case("uuid", logical("string", "uuid"), uuid.UUID("12345678-1234-5678-1234-567812345678"),
     "12345678-1234-5678-1234-567812345678")
case("a logical type that nobody knows", logical("long", "moon-phase"), 7, 7)
CASES.append({"name": "a date beyond the years", "schema": logical("int", "date"), "hex": encode("int", 3_000_000),
              "json": 3_000_000})
CASES.append({"name": "a logical type on another type", "schema": logical("string", "date"), "hex": encode("string", "x"),
              "json": "x"})
CASES.append({"name": "duration", "schema": {"type": "fixed", "name": "Span", "size": 12, "logicalType": "duration"},
              "hex": encode({"type": "fixed", "name": "Span", "size": 12},
                            (1).to_bytes(4, "little") + (2).to_bytes(4, "little") + (4_000_000_000).to_bytes(4, "little")),
              "json": {"months": 1, "days": 2, "milliseconds": 4_000_000_000}})

RANDOM = record(("i", "int"), ("l", "long"), ("d", "double"), ("s", "string"), ("b", "bytes"), ("t", "boolean"),
                ("list", {"type": "array", "items": ["null", "long", "string"]}),
                ("map", {"type": "map", "values": {"type": "array", "items": "int"}}),
                ("inner", record(("e", {"type": "enum", "name": "Colour", "symbols": ["RED", "GREEN"]}),
                                 ("f", {"type": "fixed", "name": "Four", "size": 4}), name="Inner")), name="Random")


def plain(value):
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


random.seed(1)
PARSED = fastavro.parse_schema(json.loads(json.dumps(RANDOM)))
for number, value in enumerate(fastavro.utils.generate_many(PARSED, 6)):
    CASES.append({"name": f"random {number}", "schema": RANDOM, "hex": encode(RANDOM, value, PARSED), "json": plain(value)})

sys.stdout.write("[\n" + ",\n".join(json.dumps(one, ensure_ascii=False) for one in CASES) + "\n]\n")
