#include "inference/chat/jinja_json.hpp"

#include <gtest/gtest.h>

#include "tests/inference/chat/rendered.hpp"

namespace mnema::jinja {
namespace {

TEST(JinjaJson, WritesJsonAsPythonDoes) {
  EXPECT_EQ(rendered("{{ d|tojson }} {{ nested|tojson }} {{ [1, 2.0, 1e20, true, none, 'a\"\\\\\\n\\x01é', big]|tojson "
                     "}} {{ (1, 2)|tojson }} {{ {}|tojson }}{{ []|tojson }} {{ 'x'|safe|tojson }}"),
            "{\"b\": 1, \"a\": \"x\", \"items\": 7} {\"a\": {\"b\": [1, {\"c\": null}]}} [1, 2.0, 1e+20, true, null, "
            "\"a\\\"\\\\\\n\\u0001é\", 12345678901234567890123] [1, 2] {}[] \"x\"");
  EXPECT_EQ(rendered("{{ {'a': [1, {}], 'b': {}}|tojson(indent=2) }}"),
            "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": {}\n}");
  EXPECT_EQ(rendered("{{ [1, [2]]|tojson(indent='\\t') }} {{ [1]|tojson(indent=0) }}"),
            "[\n\t1,\n\t[\n\t\t2\n\t]\n] [\n1\n]");
  EXPECT_EQ(rendered("{{ {'b': 1, 'a': [1, 2]}|tojson(separators=(',', ':')) }} {{ {'b': 1, 'a': "
                     "2}|tojson(sort_keys=true) }} {{ 'é😀\\x7f'|tojson(ensure_ascii=true) }} {{ 'é'|tojson(true) }}"),
            "{\"b\":1,\"a\":[1,2]} {\"a\": 2, \"b\": 1} \"\\u00e9\\ud83d\\ude00\\u007f\" \"\\u00e9\"");
  EXPECT_EQ(rendered("{{ {1: 2, none: 3, true: 4, 2.5: 1}|tojson }} {{ 1e400|tojson }}"),
            "{\"1\": 4, \"null\": 3, \"2.5\": 1} Infinity");
  EXPECT_TRUE(fails("{{ x|tojson }}"));
  EXPECT_TRUE(fails("{{ range(3)|tojson }}"));
  EXPECT_TRUE(fails("{{ {(1, 2): 3}|tojson }}"));
  EXPECT_TRUE(fails("{{ d.items()|tojson }}"));
}

}  // namespace
}  // namespace mnema::jinja
