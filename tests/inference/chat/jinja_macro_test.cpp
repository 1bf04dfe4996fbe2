#include "inference/chat/jinja_blocks.hpp"

#include <gtest/gtest.h>

#include "tests/inference/chat/rendered.hpp"

namespace mnema::jinja {
namespace {

TEST(JinjaMacro, TakesArguments) {
  EXPECT_EQ(
      rendered(
          "{% macro m(x, y=2) %}[{{ x }}{{ y }}]{% endmacro %}{{ m(1) }}{{ m(3, y=4) }}{{ m(y=5, x=6) }}{{ m() }}"),
      "[12][34][65][2]");
  EXPECT_EQ(rendered("{% macro m(a, b=a) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}"), "11");
  EXPECT_EQ(rendered("{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, a=3) }}{{ m }} {{ m.name }} {{ "
                     "m.arguments }}"),
            "(1, 2){'a': 3}<Macro 'm'> m ()");
  EXPECT_TRUE(fails("{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}"));
  EXPECT_TRUE(fails("{% macro m(a) %}{{ a }}{% endmacro %}{{ m(b=2) }}"));
  EXPECT_TRUE(fails("{% macro m(a=1, b) %}{% endmacro %}"));
}

TEST(JinjaMacro, HasACaller) {
  EXPECT_EQ(rendered("{% macro m(x) %}<{{ caller(x) }}>{% endmacro %}{% call(z) m(7) %}{{ z }}{{ n }}{% endcall %}{% "
                     "macro k() %}{{ caller() if caller }}|{% endmacro %}{{ k() }}{% call k() %}in{% endcall %}"),
            "<75>|in|");
  EXPECT_TRUE(fails("{% call s %}{% endcall %}"));
}

TEST(JinjaMacro, SeesTheNamesAroundItsDefinition) {
  EXPECT_EQ(rendered("{% set x = 1 %}{% macro m() %}{{ x }}{{ i }}{% endmacro %}{% for i in [5] %}{% set x = 2 %}{{ "
                     "m() }}{% endfor %}{% set x = 3 %}{{ m() }}"),
            "13");
  EXPECT_EQ(
      rendered("{% macro fib(k) %}{{ k if k < 2 else fib(k - 1)|int + fib(k - 2)|int }}{% endmacro %}{{ fib(7) }}"),
      "13");
}

}  // namespace
}  // namespace mnema::jinja
