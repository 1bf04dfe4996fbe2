#include "inference/chat/jinja_statements.hpp"

#include <gtest/gtest.h>

#include "tests/inference/chat/rendered.hpp"

namespace mnema::jinja {
namespace {

TEST(JinjaStatements, HaveScopes) {
  EXPECT_EQ(rendered("{% with a = 1, b = n %}{{ a + b }}{% set a = 5 %}{% endwith %}{{ a }}"), "6");
  EXPECT_EQ(rendered("{% set x = 1 %}{% with x = 2, y = x %}{{ x }}{{ y }}{% endwith %}"), "21");
  EXPECT_EQ(rendered("{% if true %}{% set x = 1 %}{% endif %}{{ x }}"), "1");
  EXPECT_EQ(rendered("{% generation %}{% set q = 1 %}gen{% endgeneration %}{{ q }}"), "gen");
  EXPECT_EQ(rendered("{% block b %}{{ n }}{% endblock %}{% block c %}d{% endblock c %}"), "5d");
  EXPECT_EQ(rendered("{% set x %}{% set y = 1 %}a{{ y }}{% endset %}{{ x }}{{ y }}"), "a1");
}

TEST(JinjaStatements, FilterBlocks) {
  EXPECT_EQ(
      rendered("{% filter upper %}abc{{ n }}{% endfilter %}{% filter replace('a', 'b')|upper %}aa{% endfilter %}"),
      "ABC5BB");
  EXPECT_EQ(rendered("{% set x | upper | replace('B', 'c') %}abc{% endset %}{{ x }}"), "AcC");
}

TEST(JinjaStatements, AssignToSeveralNamesAndNamespaces) {
  EXPECT_EQ(rendered("{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set ns = namespace(a=1) %}{% set ns.a = ns.a + 1 %}{% set "
                     "ns.b, c = 3, 4 %}{{ ns.a }}{{ ns.b }}{{ c }}{{ ns }}{% print 1, 2 %}"),
            "12234<Namespace {'a': 2, 'b': 3}>12");
  EXPECT_TRUE(fails("{% set d.a = 1 %}"));
  EXPECT_TRUE(fails("{% set a, b = 1 %}"));
  EXPECT_TRUE(fails("{% set none = 1 %}"));
  EXPECT_TRUE(fails("{{ namespace(_a=1) }}"));
  EXPECT_TRUE(fails("{% set ns = namespace() %}{% set ns._a = 1 %}"));
}

TEST(JinjaStatements, NeedNoOtherTemplate) {
  EXPECT_EQ(rendered("{% if false %}{% include 'x' %}{% import 'x' as y %}{% endif %}fine"), "fine");
  EXPECT_TRUE(fails("{% include 'x' %}"));
}

TEST(JinjaStatements, ControlBlanks) {
  EXPECT_EQ(rendered("a\n  {% if true %}\nb\n  {% endif %}\nc\n"), "a\nb\nc");
  EXPECT_EQ(rendered("a {%- if true -%} b {%- endif %} c"), "ab c");
  EXPECT_EQ(rendered("a {{- ' b ' -}} c"), "a b c");
  EXPECT_EQ(rendered("x\n  {# note #}\ny"), "x\ny");
  EXPECT_EQ(rendered("x {%+ if true %}y{% endif %}"), "x y");
  EXPECT_EQ(rendered("a\n  {%- set x = 1 %}\n  b"), "a  b");
  EXPECT_EQ(rendered("a\r\nb\r\n{% if true %}\r\nc{% endif %}"), "a\nb\nc");
  EXPECT_EQ(rendered("{% if true +%}\na{% endif %}"), "\na");
  EXPECT_EQ(rendered("  {{ 1 }}\n  {#- x -#}\n y"), "  1y");
  EXPECT_EQ(rendered("{% raw %}{{ x }}{% if %}{% endraw %}\nz"), "{{ x }}{% if %}z");
  EXPECT_EQ(rendered("{% raw -%}  {{ x }}  {%- endraw -%}  y"), "{{ x }}y");
  EXPECT_EQ(rendered("a{#- b -#} c\n\n"), "ac\n");
  EXPECT_EQ(rendered("\302\240\n\302\240{%- if true %}x{% endif %}"), "x");
  EXPECT_EQ(rendered("{{ '{%' }}{{ '}}' }}{{ {'a': {'b': 1}} }}"), "{%}}{'a': {'b': 1}}");
}

TEST(JinjaStatements, AreRefusedWhereTheyAreWrong) {
  EXPECT_EQ(rendered("{% raw %}"), "");
  EXPECT_TRUE(fails("{% nosuch %}"));
  EXPECT_TRUE(fails("{% if %}"));
  EXPECT_TRUE(fails("{% for x in y %}"));
  EXPECT_TRUE(fails("{% endif %}"));
  EXPECT_TRUE(fails("{# x"));
  EXPECT_TRUE(fails("{{ 'a }}"));
  EXPECT_TRUE(fails("{{ (1 }}"));
  EXPECT_TRUE(fails("{{ 1 ] }}"));
  EXPECT_TRUE(fails("{{ x[1:2:3:4] }}"));
  EXPECT_TRUE(fails("{{ x ? 1 }}"));
  EXPECT_TRUE(fails("{{ f(a=1, 2) }}"));
  EXPECT_TRUE(fails("{{ 1 is odd is even }}"));
  EXPECT_TRUE(fails("{{ }}"));
}

}  // namespace
}  // namespace mnema::jinja
