#include "inference/chat/jinja_blocks.hpp"

#include <gtest/gtest.h>

#include "tests/inference/chat/rendered.hpp"

namespace mnema::jinja {
namespace {

TEST(JinjaLoop, KnowsWhereItIs) {
  EXPECT_EQ(rendered("{% for i in l %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ "
                     "loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.depth }}{{ loop.depth0 }} {{ loop.previtem "
                     "}}-{{ loop.nextitem }};{% endfor %}"),
            "1032TrueFalse310 -1;2121FalseFalse310 3-2;3210FalseTrue310 1-;");
  EXPECT_EQ(rendered("{% for i in l %}{{ loop.cycle('a', 'b') }}{{ loop.changed(i > 1) }}{% endfor %}"),
            "aTruebTrueaTrue");
  EXPECT_EQ(
      rendered(
          "{% for i in l if i > 1 %}{{ loop.index }}{{ loop.length }}{{ loop.last }}{{ loop.nextitem }};{% endfor %}"),
      "12False2;22True;");
  EXPECT_EQ(rendered("{% for i in l|select('gt', 1) %}{{ loop.revindex }}{{ loop.last }};{% endfor %}"),
            "2False;1True;");
  EXPECT_EQ(rendered("{% for i in [1, 2] %}{% for j in [3] %}{{ loop.index }}{% endfor %}{{ loop.index }}{% endfor %}"),
            "1112");
  EXPECT_TRUE(fails("{% for i in l if loop.first %}{% endfor %}"));
}

TEST(JinjaLoop, IsRecursive) {
  EXPECT_EQ(rendered("{% for i in [[1, [2, [3]]]] recursive %}{{ loop.depth }}{% if i is iterable %}({{ loop(i) }}){% "
                     "else %}{{ i }}{% endif %}{% endfor %}"),
            "1(212(323(43)))");
  EXPECT_TRUE(fails("{% for i in l %}{{ loop(l) }}{% endfor %}"));
}

TEST(JinjaLoop, IsLeftAndHasAnElse) {
  EXPECT_EQ(rendered("{% for i in l %}{% if i == 1 %}{% break %}{% endif %}{{ i }}{% else %}E{% endfor %}"), "3");
  EXPECT_EQ(rendered("{% for i in l %}{% break %}{% else %}E{% endfor %}"), "E");
  EXPECT_EQ(rendered("{% for i in l %}{% continue %}{% else %}E{% endfor %}"), "E");
  EXPECT_EQ(rendered("{% for i in l %}{% if i == 1 %}{% continue %}{% endif %}{{ i }}{% endfor %}"), "32");
  EXPECT_EQ(rendered("{% for i in e %}a{% else %}E{% endfor %}"), "E");
  EXPECT_TRUE(fails("{% break %}"));
  EXPECT_TRUE(fails("{% for i in l %}{% macro m() %}{% break %}{% endmacro %}{% endfor %}"));
}

TEST(JinjaLoop, UnpacksItsElements) {
  EXPECT_EQ(rendered("{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}{% for (a, b), c in [((1, 2), 3)] %}{{ a "
                     "}}{{ b }}{{ c }}{% endfor %}{% for k in d %}{{ k }}{% endfor %}{% for c in 'äb' %}{{ c }}.{% "
                     "endfor %}{% for x in 1, 2 %}{{ x }}{% endfor %}"),
            "b=1;a=x;items=7;123baitemsä.b.12");
  EXPECT_TRUE(fails("{% for a, b in [[1]] %}{% endfor %}"));
  EXPECT_TRUE(fails("{% for i in 5 %}{% endfor %}"));
  EXPECT_TRUE(fails("{% for i in nn %}{% endfor %}"));
}

TEST(JinjaLoop, KeepsItsNamesToItself) {
  EXPECT_EQ(rendered("{% set x = 0 %}{% for i in [1, 2] %}{{ x }}{% set x = i %}{{ x }}{% endfor %}{{ x }}{{ i }}"),
            "01020");
  EXPECT_EQ(
      rendered(
          "{% set ns = namespace(n=0) %}{% for i in l if not ns.n %}{% set ns.n = i %}{{ i }}{% endfor %}{{ ns.n }}"),
      "33");
  EXPECT_TRUE(fails("{% for loop in l %}{% endfor %}"));
}

}  // namespace
}  // namespace mnema::jinja
