#include "inference/chat/jinja_template.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace mnema::jinja {
namespace {

std::string rendered(std::string_view source, std::string_view context = "{}") {
  Result<Template> parsed = Template::parse(source);
  if (!parsed.ok()) return "parse: " + parsed.error().message;
  const Value values = Value::from_json(boost::json::parse(context));
  Result<std::string> text = parsed->render(*values.dict());
  return text.ok() ? *text : "render: " + text.error().message;
}

TEST(JinjaTemplate, TakesBlanksAwayAsTemplatesExpect) {
  EXPECT_EQ(rendered("a\n  {% if true %}\nb\n  {% endif %}\nc\n"), "a\nb\nc");
  EXPECT_EQ(rendered("a {%- if true -%} b {%- endif %} c"), "ab c");
  EXPECT_EQ(rendered("a {{- ' b ' -}} c"), "a b c");
  EXPECT_EQ(rendered("x\n  {# note #}\ny"), "x\ny");
  EXPECT_EQ(rendered("x {%+ if true %}y{% endif %}"), "x y");
}

TEST(JinjaTemplate, LoopsWithFilterElseBreakAndTheLoopVariable) {
  EXPECT_EQ(
      rendered("{% for x in [1,2,3,4] if x is even %}{{ loop.index }}:{{ x }}{{ ',' if not loop.last }}{% endfor %}"),
      "1:2,2:4");
  EXPECT_EQ(rendered("{% for x in [] %}a{% else %}none{% endfor %}"), "none");
  EXPECT_EQ(rendered("{% for x in range(9) %}{% if x == 3 %}{% break %}{% endif %}{% if x == 1 %}{% continue %}{% "
                     "endif %}{{ x }}{% endfor %}"),
            "02");
  EXPECT_EQ(rendered("{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}", R"({"d":{"a":1,"b":2}})"), "a=1;b=2;");
}

TEST(JinjaTemplate, KeepsWhatALoopSetsInsideUnlessItIsANamespace) {
  EXPECT_EQ(rendered("{% set x = 1 %}{% for i in [1] %}{% set x = 2 %}{% endfor %}{{ x }}"), "1");
  EXPECT_EQ(
      rendered("{% set ns = namespace(x=1) %}{% for i in [1,2] %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }}"),
      "4");
  EXPECT_EQ(rendered("{% set t %}a{{ 1 }}{% endset %}{{ t|upper }}"), "A1");
}

TEST(JinjaTemplate, ComputesAndComparesAsPythonDoes) {
  EXPECT_EQ(rendered("{{ 7 // 2 }} {{ 7 / 2 }} {{ -7 % 3 }} {{ 2 ** 3 }} {{ 'a' ~ 1 }} {{ 1 + 2 * 3 }}"),
            "3 3.5 2 8 a1 7");
  EXPECT_EQ(rendered("{{ 'b' in 'abc' }} {{ 2 not in [1] }} {{ not true or 1 }} {{ 1 == 1.0 }}"), "True True 1 True");
  EXPECT_EQ(rendered("{{ 'yes' if x is defined else 'no' }}{{ x is none }}", R"({"x":null})"), "yesTrue");
  EXPECT_EQ(rendered("{{ [1,2,3][1:] }}{{ 'abc'[::-1] }}{{ [1,2][-1] }}"), "[2, 3]cba2");
}

TEST(JinjaTemplate, HasTheFiltersAndMethodsOfPublishedTemplates) {
  EXPECT_EQ(rendered("{{ d | tojson }}", R"({"d":{"a":[1,true,null,"x\"\n"]}})"), R"({"a": [1, true, null, "x\"\n"]})");
  EXPECT_EQ(rendered("{{ d | tojson(indent=2) }}", R"({"d":{"a":[1]}})"), "{\n  \"a\": [\n    1\n  ]\n}");
  EXPECT_EQ(rendered("{{ ' a '|trim }}{{ x|default('d') }}{{ ['a','b']|join(', ') }}{{ 'ab'|length }}"), "ada, b2");
  EXPECT_EQ(
      rendered("{{ m | selectattr('role', 'equalto', 'user') | map(attribute='content') | list | last }}",
               R"({"m":[{"role":"user","content":"x"},{"role":"tool","content":"y"},{"role":"user","content":"z"}]})"),
      "z");
  EXPECT_EQ(rendered("{{ 'a</think>b'.split('</think>')[-1] }}{{ 'xay'.strip('x') }}{{ 'abc'.startswith('ab') }}"),
            "bayTrue");
  EXPECT_EQ(rendered("{% macro f(a, b=2) %}{{ a }}-{{ b }}{% endmacro %}{{ f(1) }} {{ f(1, b=3) }}"), "1-2 1-3");
}

TEST(JinjaTemplate, SaysWhereATemplateIsWrong) {
  EXPECT_EQ(rendered("a\n{% if %}"), "parse: chat template, line 2: expected a value, found ''");
  EXPECT_NE(rendered("{% for x in y %}").find("parse:"), std::string::npos);
  EXPECT_NE(rendered("{{ 'open }}").find("a string is not closed"), std::string::npos);
  EXPECT_NE(rendered("{{ x.y.z }}").find("undefined"), std::string::npos);
  EXPECT_NE(rendered("{{ 1 | nosuch }}").find("unknown filter 'nosuch'"), std::string::npos);
}

TEST(JinjaTemplate, StopsAtItsBounds) {
  EXPECT_NE(rendered("{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}")
                .find("too many steps"),
            std::string::npos);
  EXPECT_NE(rendered("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}").find("too deeply"), std::string::npos);
  EXPECT_NE(rendered("{{ 'xxxxxxxxxxxxxxxx' * 100000000 }}").find("render:"), std::string::npos);
  EXPECT_NE(rendered(std::string(100000, '(')).find(""), std::string::npos);
  EXPECT_NE(rendered("{{ " + std::string(100000, '(') + " }}").find("parse:"), std::string::npos);
}

}  // namespace
}  // namespace mnema::jinja
