#include "inference/chat/jinja_tests.hpp"

#include <gtest/gtest.h>

#include "tests/inference/chat/rendered.hpp"

namespace mnema::jinja {
namespace {

TEST(JinjaTests, TellTypesApart) {
  EXPECT_EQ(
      rendered("{% for v in [1, 1.5, true, 'a', none, [1], (1,), {}, range(1), x, 'm'|safe] %}{{ v is number }}{{ v is "
               "integer }}{{ v is float }}{{ v is boolean }}{{ v is string }}{{ v is none }}{{ v is sequence }}{{ v is "
               "iterable }}{{ v is mapping }}{{ v is defined }}{{ v is callable }}{{ v is true }}\n{% endfor %}"),
      "TrueTrueFalseFalseFalseFalseFalseFalseFalseTrueFalseFalse\nTrueFalseTrueFalseFalseFalseFalseFalseFalseTrueFalseF"
      "alse\nTrueFalseFalseTrueFalseFalseFalseFalseFalseTrueFalseTrue\nFalseFalseFalseFalseTrueFalseTrueTrueFalseTrueFa"
      "lseFalse\nFalseFalseFalseFalseFalseTrueFalseFalseFalseTrueFalseFalse\nFalseFalseFalseFalseFalseFalseTrueTrueFals"
      "eTrueFalseFalse\nFalseFalseFalseFalseFalseFalseTrueTrueFalseTrueFalseFalse\nFalseFalseFalseFalseFalseFalseTrueTr"
      "ueTrueTrueFalseFalse\nFalseFalseFalseFalseFalseFalseTrueTrueFalseTrueFalseFalse\nFalseFalseFalseFalseFalseFalseT"
      "rueTrueFalseFalseTrueFalse\nFalseFalseFalseFalseTrueFalseTrueTrueFalseTrueFalseFalse\n");
  EXPECT_EQ(rendered("{{ d.keys() is sequence }}{{ d.items() is iterable }}{{ (l|select) is sequence }}{{ (l|select) "
                     "is iterable }}{{ range is callable }}{{ d.items is callable }}{{ namespace() is mapping }}"),
            "FalseTrueFalseTrueTrueTrueFalse");
}

TEST(JinjaTests, CompareTwoValues) {
  EXPECT_EQ(rendered("{{ 1 is eq 1 }}{{ 1 is ne 1 }}{{ 2 is ge 2 }}{{ 2 is le 1 }}{{ 2 is gt 1 }}{{ 2 is lt 1 }}{{ 2 "
                     "is greaterthan(1) }}{{ 2 is lessthan 3 }}{{ 2 is equalto 2 }}{{ 1 is sameas 1 }}{{ true is "
                     "sameas 1 }}{{ none is sameas none }}{{ l is sameas l }}{{ [] is sameas [] }}"),
            "TrueFalseTrueFalseTrueFalseTrueTrueTrueTrueFalseTrueTrueFalse");
  EXPECT_EQ(
      rendered(
          "{{ 'a' is in ['a'] }}{{ 'a' is in 'abc' }}{{ 'a' is in {'a': 1} }}{{ 'a' is not in ['b'] }}{{ 1 is in x }}"),
      "TrueTrueTrueTrueFalse");
  EXPECT_EQ(rendered("{{ n is odd }}{{ n is even }}{{ 6 is divisibleby 3 }}{{ 6 is divisibleby(4) }}{{ 2.0 is even "
                     "}}{{ 'ABC' is upper }}{{ 'abc' is lower }}{{ 'Abc' is lower }}{{ 'É' is upper }}{{ 'upper' is "
                     "filter }}{{ 'nosuch' is filter }}{{ 'odd' is test }}"),
            "TrueFalseTrueFalseTrueTrueTrueFalseTrueTrueFalseTrue");
  EXPECT_TRUE(fails("{{ 1 is lt 'a' }}"));
  EXPECT_TRUE(fails("{{ 'a' is odd }}"));
  EXPECT_TRUE(fails("{{ 6 is divisibleby 0 }}"));
}

TEST(JinjaTests, FailWhereTheyAreReached) {
  EXPECT_EQ(rendered("{% if false %}{{ 1 is nosuch }}{% endif %}fine"), "fine");
  EXPECT_TRUE(fails("{{ 1 is nosuch }}"));
  EXPECT_TRUE(fails("{{ 1 is defined(2) }}"));
  EXPECT_TRUE(fails("{{ 1 is eq }}"));
}

}  // namespace
}  // namespace mnema::jinja
