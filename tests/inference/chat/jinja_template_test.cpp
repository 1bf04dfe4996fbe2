#include "inference/chat/jinja_template.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/inference/chat/rendered.hpp"

namespace mnema::jinja {
namespace {

TEST(JinjaTemplate, SaysWhereATemplateIsWrong) {
  EXPECT_EQ(rendered("a\n{% if %}"), "parse: chat template, line 2: expected a value, found ''");
  EXPECT_EQ(rendered("\n{% nosuch %}"), "parse: chat template, line 2: expected a known statement, found 'nosuch'");
  EXPECT_NE(rendered("{% for x in y %}").find("parse: chat template, line 1: expected 'endfor'"), std::string::npos);
  EXPECT_NE(rendered("{{ 'open }}").find("a string is not closed"), std::string::npos);
  EXPECT_EQ(rendered("\n\n{{ x.y }}"), "render: chat template, line 3: 'x' is undefined");
  EXPECT_EQ(rendered("{{ d.q.y }}"), "render: chat template, line 1: a value of type dict has no attribute 'q'");
  EXPECT_EQ(rendered("{{ raise_exception('no ' ~ n) }}"), "render: chat template, line 1: no 5");
}

TEST(JinjaTemplate, FailsOverWhatThereIsNotOnlyWhereItIsReached) {
  const std::vector<std::pair<const char*, const char*>> cases = {
      {"{{ n | urlize }}", "unknown filter 'urlize'"},
      {"{{ n | some.filter(1) }}", "unknown filter 'some.filter'"},
      {"{{ l | map('nosuch') | list }}", "unknown filter 'nosuch'"},
      {"{{ n is nosuch }}", "unknown test 'nosuch'"},
      {"{{ l | select('nosuch') | list }}", "unknown test 'nosuch'"},
      {"{{ nosuch(1) }}", "'nosuch' is undefined"},
      {"{{ s.nosuch() }}", "has no attribute 'nosuch'"},
      {"{{ s.encode() }}", "the method 'encode' of a str is not known"},
      {"{{ l.append(1) }}", "'append' would change a list"},
      {"{{ n | tojson(nosuch=1) }}", "'tojson' has no argument 'nosuch'"},
      {"{% include 'x' %}", "'include' needs another template"},
  };
  for (const auto& [source, what] : cases) {
    const std::string unreached = "{% if false %}" + std::string(source) + "{% endif %}fine";
    EXPECT_EQ(rendered(unreached), "fine") << source;
    EXPECT_NE(rendered("\n" + std::string(source)).find("line 2: "), std::string::npos) << rendered(source);
    EXPECT_NE(rendered(source).find(what), std::string::npos) << rendered(source);
  }
}

/// The error of a template that must run into a bound.
Error exhausted(const std::string& source, Bounds bounds = {}) {
  const Result<std::string> text = try_render(source, "{}", bounds);
  EXPECT_FALSE(text.ok()) << source;
  return text.ok() ? Error{} : text.error();
}

TEST(JinjaTemplate, IsStoppedWhereItLoopsNestsOrWritesWithoutEnd) {
  const std::string loop = "{% for i in range(100000) %}", end = "{% endfor %}";
  std::string sum;
  for (int i = 0; i < 200; ++i) sum += " + 1";
  const std::vector<std::pair<std::string, const char*>> cases = {
      {loop + loop + end + end, "too many steps"},
      {"{{ range(0, 9000000000000000) }}", "more than 100000 numbers"},
      {loop + std::string(300, 'x') + end, "writes too much"},
      {"{{ 'xxxxxxxxxxxxxxxx' * 100000000 }}", "writes too much"},
      {"{{ 'x'.center(100000000) }}", "too many steps"},
      {"{{ '%1000000d' % 1 * 100 }}", "writes too much"},
      {"{{ 2 ** 100000 }}", "too many digits"},
      {loop + "{% set _ = (3 ** 10000) * (3 ** 10000) %}" + end, "too many digits"},
      {"{% set n = namespace(x='ab') %}" + loop + "{% set n.x = n.x ~ n.x %}" + end, "writes too much"},
      {"{% set n = namespace(x='aa') %}" + loop + "{% set n.x = n.x | replace('a', n.x) %}" + end, "writes too much"},
      {"{% set n = namespace(x=['aa']) %}" + loop + "{% set n.x = n.x + n.x %}" + end, "too many steps"},
      {"{% set n = namespace(x=[1]) %}" + loop + "{% set n.x = n.x | batch(1) | list + n.x %}" + end, "too many steps"},
      {"{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "too deeply"},
      {"{% macro f() %}{{ 1" + sum + " + f() }}{% endmacro %}{{ f() }}", "too deeply"},
      {"{% macro f() %}{% call f() %}{% endcall %}{{ caller }}{% endmacro %}{{ f() }}", "too deeply"},
      {"{% for i in [1] recursive %}{{ loop([1]) }}{% endfor %}", "too deeply"},
      {"{% set n = namespace(x=[1]) %}" + loop + "{% set n.x = n.x | map('string') %}" + end + "{{ n.x | list }}",
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
  for (const char* question : {"{% set _ = l | trim %}", "{% set _ = l | string | length %}", "{% set _ = l ~ '' %}",
                               "{% set _ = [] | join(l) %}", "{% set _ = '%s' % (l,) %}", "{% set _ = l | tojson %}"}) {
    const Error error = exhausted(list + question + "{% endfor %}", bounds);
    EXPECT_EQ(error.code, ErrorCode::kResourceExhausted) << question << "\n" << error.text();
  }
}

TEST(JinjaTemplate, PaysForStrippingManyCharactersFromALongText) {
  const std::string texts = "{% set a = 'a' * 4000000 %}{% set b = 'b' * 4000000 ~ 'a' %}";
  for (const char* question : {"{{ a.strip(b) }}", "{{ a.lstrip(b) }}", "{{ a | trim(b) }}"})
    EXPECT_EQ(exhausted(texts + question).code, ErrorCode::kResourceExhausted) << question;
}

TEST(JinjaTemplate, LetsANamespaceHoldItselfAndStillEnds) {
  EXPECT_EQ(rendered("{% set n = namespace() %}{% set n.x = [n] %}{% set n.y = n %}{{ n.y.x | length }}"), "1");
  EXPECT_TRUE(fails("{% set n = namespace() %}{% set n.x = [n] %}{{ n }}"));
  EXPECT_TRUE(fails("{% set n = namespace() %}{% set n.x = n %}{{ n | tojson }}"));
}

TEST(JinjaTemplate, TakesApartWhatIsNestedAsDeepAsItsStepsAllow) {
  const std::string loop = "{% for i in range(100000) %}", end = "{% endfor %}";
  for (const char* nest : {"[n.l]", "{'k': n.l}", "n.l | map('string')", "(n.l,)", "namespace(l=n.l)",
                           "[n.l] | reverse", "joiner(n.l)", "cycler(n.l)", "[n.l] | unique", "[n.l].index"}) {
    const std::string deep = "{% set n = namespace(l=[]) %}" + loop + "{% set n.l = " + nest + " %}" + end;
    EXPECT_EQ(rendered(deep), "") << nest;
  }
  EXPECT_TRUE(fails("{% set n = namespace(l=[]) %}" + loop + "{% set n.l = [n.l] %}" + end + "{{ n.l }}"));
  EXPECT_TRUE(fails("{% set n = namespace(l=[]) %}" + loop + "{% set n.l = [n.l] %}" + end + "{{ n.l | tojson }}"));
  EXPECT_TRUE(fails("{% set n = namespace(a=[], b=[]) %}" + loop + "{% set n.a = [n.a] %}{% set n.b = [n.b] %}" + end +
                    "{{ n.a == n.b }}"));
}

TEST(JinjaTemplate, KeepsTheScopesThatMacrosNeed) {
  // The macro, the loop that it was made in and the loop's variable outlive the loop.
  EXPECT_EQ(rendered("{% set n = namespace(m=[]) %}{% for i in range(3) %}{% macro f() %}{{ i }}{% endmacro %}"
                     "{% set n.m = n.m + [f] %}{% set n.l = loop %}{% endfor %}"
                     "{% for f in n.m %}{{ f() }}{% endfor %}{{ n.l.index }}{{ n.l.last }}"),
            "0123True");
}

TEST(JinjaTemplate, RefusesASourceWithoutEnd) {
  EXPECT_EQ(Template::parse(std::string(2 << 20, 'x')).error().code, ErrorCode::kResourceExhausted);
  EXPECT_NE(rendered("{{ " + std::string(100000, '(') + " }}").find("parse:"), std::string::npos);
  std::string chain = "{{ 1";
  for (int i = 0; i < 100000; ++i) chain += "+1";
  EXPECT_NE(rendered(chain + " }}").find("the expression is too long"), std::string::npos);
  EXPECT_NE(rendered("{{ x" + std::string(1000, '.') + " }}").find("parse:"), std::string::npos);
  EXPECT_NE(rendered("{% set " + std::string(100000, '(') + " %}").find("parse:"), std::string::npos);
}

TEST(JinjaTemplate, ReadsJsonThatATemplateIsGivenAsText) {
  EXPECT_EQ(rendered(R"({{ ('{"b": [1, 2.0, null], "a": 12345678901234567890123}' | from_json).a }})"),
            "12345678901234567890123");
  EXPECT_EQ(rendered(R"({{ '{"b": [1, 2.0, null, "\u00e9"], "a": 1, "b": 2}' | from_json }})"), "{'b': 2, 'a': 1}");
  EXPECT_TRUE(fails("{{ '{' | from_json }}"));
  EXPECT_TRUE(fails("{{ '1 2' | from_json }}"));
  EXPECT_TRUE(fails("{{ d | from_json }}"));
}

TEST(JinjaTemplate, HasNoTimeUnlessItIsGiven) {
  const Result<Template> asks = Template::parse("{{ strftime_now is defined }}");
  ASSERT_TRUE(asks.ok());
  EXPECT_EQ(*asks->render({}), "False");
  EXPECT_EQ(*asks->render({}, {}, kRenderedAt), "True");
}

}  // namespace
}  // namespace mnema::jinja
