#!/usr/bin/env python3
"""Writes cases.json: messages of cases.proto that protoc has encoded from its text format, and the JSON that they are to
become, written by hand.

    make_cases.py > cases.json          (needs protobuf-compiler)
"""
import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
CASES = []


def case(name, message, text, expected):
    encoded = subprocess.run(["protoc", f"--proto_path={HERE}", f"--encode=shop.{message}", "cases.proto"],
                             input=text.encode(), stdout=subprocess.PIPE, check=True).stdout
    CASES.append({"name": name, "message": message, "hex": encoded.hex(), "json": expected})


EMPTY = {"id": 0, "customer_id": "", "items": [], "tags": {}, "status": "OPEN"}
ZERO = {"i32": 0, "i64": 0, "u32": 0, "u64": 0, "s32": 0, "s64": 0, "f32": 0, "f64": 0, "sf32": 0, "sf64": 0, "f": 0.0,
        "d": 0.0, "b": False, "raw": "", "packed": [], "doubles": [], "by_number": {}, "by_flag": {}}
PART = {"sku": "", "count": 0, "parts": []}

case("nothing", "Order", "", EMPTY)
case("an order", "Order", '''id: 9007199254740993 customer_id: "anna \\303\\274" status: PAID note: ""
     items { sku: "pen" count: 2 parts { sku: "ink" } } items {} tags { key: "a/b" value: -1 } tags { key: "z" value: 3 }
     to { city: "Bern" } invoice: 7''',
     {**EMPTY, "id": 9007199254740993, "customer_id": "anna ü", "status": "PAID", "note": "",
      "items": [{"sku": "pen", "count": 2, "parts": [{**PART, "sku": "ink"}]}, PART], "tags": {"a/b": -1, "z": 3},
      "to": {"city": "Bern"}, "invoice": 7})
case("an unknown symbol", "Order", "status: 7", {**EMPTY, "status": 7})
case("no numbers", "Numbers", "", ZERO)
case("the least numbers", "Numbers", f'''i32: {-2**31} i64: {-2**63} s32: {-2**31} s64: {-2**63} sf32: {-2**31} sf64: {-2**63}
     f: -inf d: nan''', {**ZERO, "i32": -2**31, "i64": -2**63, "s32": -2**31, "s64": -2**63, "sf32": -2**31, "sf64": -2**63,
                         "f": "-Infinity", "d": "NaN"})
case("the greatest numbers", "Numbers", f'''i32: {2**31-1} i64: {2**63-1} u32: {2**32-1} u64: {2**64-1} s32: {2**31-1}
     s64: {2**63-1} f32: {2**32-1} f64: {2**64-1} sf32: {2**31-1} sf64: {2**63-1} f: 0.1 d: 0.1 b: true raw: "\\000\\377"
     packed: [1, -1, 300] doubles: [0.5, 3] by_number {{ key: -5 value: true }} by_flag {{ key: true value {{ count: 1 }} }}''',
     {**ZERO, "i32": 2**31-1, "i64": 2**63-1, "u32": 2**32-1, "u64": 2**64-1, "s32": 2**31-1, "s64": 2**63-1,
      "f32": 2**32-1, "f64": 2**64-1, "sf32": 2**31-1, "sf64": 2**63-1, "f": 0.1, "d": 0.1, "b": True, "raw": "AP8=",
      "packed": [1, -1, 300], "doubles": [0.5, 3.0], "by_number": {"-5": True}, "by_flag": {"true": {**PART, "count": 1}}})
case("google.protobuf", "Known", '''at { seconds: 1795696200 nanos: 123000000 } took { seconds: -1 nanos: -500000000 }
     any { fields { key: "a" value { list_value { values { number_value: 1.5 } values { null_value: NULL_VALUE } } } } }
     one { bool_value: true } count { value: 9007199254740993 } text { } all { } all { seconds: -1 nanos: 1 }''',
     {"at": "2026-11-26T12:30:00.123Z", "took": "-1.500s", "any": {"a": [1.5, None]}, "one": True,
      "count": 9007199254740993, "text": "", "all": ["1970-01-01T00:00:00Z", "1969-12-31T23:59:59.000000001Z"]})
case("a time beyond the years", "Known", "at { seconds: 999999999999 }",
     {"at": {"seconds": 999999999999, "nanos": 0}, "all": []})

sys.stdout.write("[\n" + ",\n".join(json.dumps(one, ensure_ascii=False) for one in CASES) + "\n]\n")
