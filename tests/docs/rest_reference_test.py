#!/usr/bin/env python3
"""docs/REST.md names every route that the program adds and every field that its requests read, and no other route."""
import pathlib
import re
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
REST = SOURCE / "agents/rest"
REFERENCE = (SOURCE / "docs/REST.md").read_text(encoding="utf-8")
ROUTE = r'(GET|POST|PUT|PATCH|DELETE)'


class RestReference(unittest.TestCase):
    def test_has_the_routes_of_the_program_and_no_others(self):
        in_program = set()
        for source in REST.glob("*.cpp"):
            in_program |= set(re.findall(rf'\badd\("{ROUTE}", "(/[^"]*)"', source.read_text(encoding="utf-8")))
        self.assertGreater(len(in_program), 5)
        in_reference = set(re.findall(rf"`{ROUTE} (/[^`?]*)`", REFERENCE))
        self.assertEqual(in_reference, in_program)

    def test_has_the_fields_of_requests(self):
        sources = [*REST.glob("*_request.cpp"), REST / "sampling_fields.cpp", REST / "structured_output.cpp",
                   REST / "tokens_route.cpp"]
        for source in sources:
            text = source.read_text(encoding="utf-8")
            read = set(re.findall(r'\bfields_?\.(?:text|boolean|integer|number|find|object|array)\("([a-z_]+)"', text))
            read |= set(re.findall(r'(?<![.\w])(?:take|refuse|schema|grammar|regex|choice)\((?:fields_, )?"([a-z_]+)"', text))
            for names in re.findall(r'name : \{("[a-z_", ]+")\}', text):
                read |= set(re.findall(r'"([a-z_]+)"', names))
            for field in sorted(read):
                self.assertIn(f"`{field}`", REFERENCE, f"{source.name} reads it")


if __name__ == "__main__":
    unittest.main()
