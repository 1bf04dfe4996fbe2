#include "inference/chat/jinja_template.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <string>
#include <vector>

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

TEST(JinjaTemplate, RefusesAtLoadWhatItLacksAndSaysOnWhichLine) {
  const std::vector<std::pair<const char*, const char*>> cases = {
      {"{% include 'x' %}", "expected a known statement, found 'include'"},
      {"{% raw %}{% endraw %}", "expected a known statement, found 'raw'"},
      {"{% call f() %}{% endcall %}", "expected a known statement, found 'call'"},
      {"{% filter upper %}{% endfilter %}", "expected a known statement, found 'filter'"},
      {"{% for x in y recursive %}{% endfor %}", "loops cannot be recursive"},
      {"{% if false %}{{ x | urlize }}{% endif %}", "unknown filter 'urlize'"},
      {"{{ x | escape }}", "unknown filter 'escape'"},
      {"{{ x | map('urlize') }}", "unknown filter 'urlize'"},
      {"{{ x | selectattr('a', 'divisible') }}", "unknown test 'divisible'"},
      {"{{ x | reject('sameas', y) }}", "unknown test 'sameas'"},
      {"{{ x is sameas y }}", "unknown test 'sameas'"},
      {"{{ x.encode('utf-8') }}", "unknown method 'encode'"},
      {"{{ loop.cycle('a', 'b') }}", "unknown method 'cycle'"},
      {"{{ x | tojson(separators=1) }}", "filter 'tojson' has no argument 'separators'"},
      {"{{ x | round(2) }}", "filter 'round' with so many arguments is not known"},
      {"{{ 1 < x < 3 }}", "comparisons cannot be chained"},
      {"{{ x[1:2:3:4] }}", "expected ']'"},
      {"{{ x ? 1 : 2 }}", "unexpected character '?'"},
      {"{% set a.b.c = 1 %}", "expected '%}'"},
  };
  for (const auto& [source, what] : cases) {
    const Result<Template> parsed = Template::parse("first line\n" + std::string(source));
    ASSERT_FALSE(parsed.ok()) << source;
    EXPECT_EQ(parsed.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(parsed.error().message.find(std::string("line 2: ") + what), std::string::npos) << source << "\n"
                                                                                              << parsed.error().text();
  }
}

TEST(JinjaTemplate, TakesPythonsOrderOfOperations) {
  EXPECT_EQ(rendered("{{ 2 * 3 ** 2 }} {{ 2 + 3 % 2 }} {{ not 1 == 2 and true }}"), "18 3 True");
}

TEST(JinjaTemplate, CutsTextsByCharacters) {
  EXPECT_EQ(rendered("{{ 'äöü'[1] }}{{ 'äöü'[-1] }}{{ 'äöü'[1:] }}{{ 'äöü'[:-1] }}{{ 'äöü'[5:] }}{{ 'äöü'[::-1] }}"),
            "öüöüäöüöä");
  EXPECT_EQ(rendered("{{ [1,2,3].pop(0) }}{{ 'a.b.c'.rsplit('.', 1) }}{{ 'a-b'.split('-')[0] }}"), "1['a.b', 'c']a");
}

/// The error of a template that must run into a bound.
Error exhausted(const std::string& source, Bounds bounds = {}) {
  const Result<Template> parsed = Template::parse(source);
  EXPECT_TRUE(parsed.ok()) << source << "\n" << (parsed.ok() ? "" : parsed.error().text());
  if (!parsed.ok()) return parsed.error();
  const Result<std::string> text = parsed->render({}, bounds);
  EXPECT_FALSE(text.ok()) << source;
  return text.ok() ? Error{} : text.error();
}

TEST(JinjaTemplate, IsStoppedWhereItLoopsNestsOrWritesWithoutEnd) {
  const std::string loop = "{% for i in range(100000) %}", end = "{% endfor %}";
  const std::vector<std::pair<std::string, const char*>> cases = {
      {loop + loop + end + end, "too many steps"},
      {"{{ range(0, 9000000000000000) }}", "too many steps"},
      {loop + std::string(300, 'x') + end, "writes too much"},
      {"{{ 'xxxxxxxxxxxxxxxx' * 100000000 }}", "writes too much"},
      {"{% set n = namespace(x='ab') %}" + loop + "{% set n.x = n.x ~ n.x %}" + end, "writes too much"},
      {"{% set n = namespace(x='aa') %}" + loop + "{% set n.x = n.x | replace('a', n.x) %}" + end, "writes too much"},
      {"{% set n = namespace(x=['aa']) %}" + loop + "{% set n.x = n.x + n.x %}" + end, "too many steps"},
      {"{% set n = namespace(x=[1]) %}" + loop + "{% set n.x = [n.x, n.x] %}" + end, "too many steps"},
      {"{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "too deeply"},
      {"{% macro f() %}{{ 1" +
           [] {
             std::string sum;
             for (int i = 0; i < 200; ++i) sum += " + 1";
             return sum;
           }() +
           " + f() }}{% endmacro %}{{ f() }}",
       "too deeply"},
      {"{% set a = 'a' * 1000000 %}{% set b = 'a' * 500000 ~ 'b' %}{{ b in a }}", "too many steps"},
  };
  for (const auto& [source, what] : cases) {
    const Error error = exhausted(source);
    EXPECT_EQ(error.code, ErrorCode::kResourceExhausted) << source << "\n" << error.text();
    EXPECT_NE(error.message.find(what), std::string::npos) << source << "\n" << error.text();
  }
}

TEST(JinjaTemplate, PaysForTheTextsOfListsThatAQuestionNeeds) {
  const std::string list = "{% set l = ['x' * 1000000] %}{% for i in range(100000) %}";
  Bounds bounds;
  bounds.steps = 100'000;
  for (const char* question :
       {"{% set _ = l in 'abc' %}", "{% set _ = l in {'a': 1} %}", "{% set _ = {'a': 1}[l] %}",
        "{% set _ = l | trim %}", "{% set _ = 'abc'.startswith((l, l)) %}", "{% set _ = 'abc'.endswith([l]) %}",
        "{% set _ = 'abc'.find(l) %}", "{% set _ = {'a': 1}.get(l) %}", "{% set _ = [] | join(l) %}"}) {
    const Error error = exhausted(list + question + "{% endfor %}", bounds);
    EXPECT_EQ(error.code, ErrorCode::kResourceExhausted) << question << "\n" << error.text();
  }
}

TEST(JinjaTemplate, PaysForStrippingManyCharactersFromALongText) {
  const std::string texts = "{% set a = 'a' * 4000000 %}{% set b = 'b' * 4000000 ~ 'a' %}";
  for (const char* question : {"{{ a.strip(b) }}", "{{ a.lstrip(b) }}", "{{ a | trim(b) }}"})
    EXPECT_EQ(exhausted(texts + question).code, ErrorCode::kResourceExhausted) << question;
}

TEST(JinjaTemplate, LetsNothingHoldItself) {
  EXPECT_NE(rendered("{% set l = [] %}{% set _ = l.append(l) %}").find("a list cannot hold itself"), std::string::npos);
  EXPECT_NE(rendered("{% set l = [] %}{% set _ = l.append([{'a': l}]) %}").find("cannot hold itself"),
            std::string::npos);
  EXPECT_NE(rendered("{% set n = namespace() %}{% set n.x = [n] %}").find("a dictionary cannot hold itself"),
            std::string::npos);
}

TEST(JinjaTemplate, WritesAndTakesApartWhatIsNestedAsDeepAsItsStepsAllow) {
  const std::string deep =
      "{% set n = namespace(l=[]) %}{% for i in range(100000) %}{% set x = [] %}"
      "{% set _ = x.append(n.l) %}{% set n.l = x %}{% endfor %}";
  EXPECT_EQ(rendered(deep).substr(0, 7), "render:");  // looking through it before each append takes too many steps
  const std::string chain =
      "{% set n = namespace(at=[]) %}{% set first = n.at %}{% for i in range(100000) %}"
      "{% set x = [] %}{% set _ = n.at.append(x) %}{% set n.at = x %}{% endfor %}";
  EXPECT_EQ(rendered(chain), "");
  const std::string printed = rendered(chain + "{{ first }}{{ first | tojson | length }}");
  EXPECT_NE(printed.find("[[[...]]]"), std::string::npos);
}

TEST(JinjaTemplate, RefusesASourceWithoutEnd) {
  EXPECT_EQ(Template::parse(std::string(2 << 20, 'x')).error().code, ErrorCode::kResourceExhausted);
  EXPECT_NE(rendered("{{ " + std::string(100000, '(') + " }}").find("parse:"), std::string::npos);
  std::string chain = "{{ 1";
  for (int i = 0; i < 100000; ++i) chain += "+1";
  EXPECT_NE(rendered(chain + " }}").find("the expression is too long"), std::string::npos);
  EXPECT_NE(rendered("{{ x" + std::string(1000, '.') + " }}").find("parse:"), std::string::npos);
}

}  // namespace
}  // namespace mnema::jinja
