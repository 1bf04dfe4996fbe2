#include "inference/chat/jinja_expressions.hpp"

#include <gtest/gtest.h>

#include "tests/inference/chat/rendered.hpp"

namespace mnema::jinja {
namespace {

TEST(JinjaExpressions, TakePrecedenceFromJinja) {
  EXPECT_EQ(rendered("{{ 2 * 3 ** 2 }} {{ 2 + 3 % 2 }} {{ not 1 == 2 and true }} {{ 2 * 3 ~ 4 }} {{ -n|abs }} {{ "
                     "-l[0]|abs }} {{ 'a' if 1 else 'b' if 0 else 'c' }} {{ 1 or 2 and 0 }} {{ not 1 is odd }} {{ 1 is "
                     "odd and 2 is even }} {{ 'b'|upper ~ 'c'|upper }}"),
            "18 3 True 64 5 3 a 1 False True BC");
}

TEST(JinjaExpressions, UnpackArguments) {
  EXPECT_EQ(rendered("{{ '{}-{}-{}'.format(*l) }} {{ dict(**{'a': 1}) }} {{ dict(a=1, **{'b': 2}) }} {{ range(*(1, "
                     "4))|list }} {{ dict([('a', 1)], b=2) }} {{ dict(d, a=2) }}"),
            "3-1-2 {'a': 1} {'a': 1, 'b': 2} [1, 2, 3] {'a': 1, 'b': 2} {'b': 1, 'a': 2, 'items': 7}");
  EXPECT_TRUE(fails("{{ dict(a=1, **{'a': 2}) }}"));
  EXPECT_TRUE(fails("{{ range(*5) }}"));
  EXPECT_TRUE(fails("{{ dict(**l) }}"));
}

TEST(JinjaExpressions, CallWhatCanBeCalled) {
  EXPECT_EQ(rendered("{{ ('a'|upper).lower() }} {{ [range][0](2)|list }}"), "a [0, 1]");
  EXPECT_TRUE(fails("{{ s() }}"));
  EXPECT_TRUE(fails("{{ d.a() }}"));
  EXPECT_TRUE(fails("{{ nosuch() }}"));
}

TEST(JinjaExpressions, KeepStringEscapes) {
  EXPECT_EQ(rendered("{{ '\\x41\\u00e9\\U0001F600\\101\\n\\t\\'\\d\\N{BULLET}' }}{{ \"a\\\nb\" }}"),
            "Aé😀A\n\t'\\d•ab");
  EXPECT_TRUE(fails("{{ '\\x4' }}"));
}

}  // namespace
}  // namespace mnema::jinja
