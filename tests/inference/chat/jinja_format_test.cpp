#include "inference/chat/jinja_format.hpp"

#include <gtest/gtest.h>

#include "tests/inference/chat/rendered.hpp"

namespace mnema::jinja {
namespace {

TEST(JinjaFormat, FormatsWithPercent) {
  EXPECT_EQ(rendered("{{ '%s-%d-%5.2f|%-5s|%05d|%x|%r' % ('a', 3, 2.5, 'l', 42, 255, 'q') }}"),
            "a-3- 2.50|l    |00042|ff|'q'");
  EXPECT_EQ(rendered("{{ '%c%c' % (65, 'z') }} {{ '%s' % [1, 2] }} {{ '%(a)s %(b)05d' % {'a': 1, 'b': 2} }} {{ "
                     "'%5s|%.2s' % ('a', 'bcd') }} {{ '%+d % d %e %g' % (1, 2, 1.5, 0.0001) }} {{ '100%%' % () }}"),
            "Az [1, 2] 1 00002     a|bc +1  2 1.500000e+00 0.0001 100%");
  EXPECT_EQ(rendered("{{ '%i %u %o %#x %X' % (1, 2, 8, 255, 255) }} {{ '%*d' % (5, 3) }} {{ '%.3d' % 5 }} {{ '%a' % "
                     "'é' }} {{ '%d' % 3.9 }} {{ '%s %s'|format('a', 1) }} {{ '%(x)s'|format(x=2) }}"),
            "1 2 10 0xff FF     3 005 '\\xe9' 3 a 1 2");
  EXPECT_TRUE(fails("{{ '%d' % 'a' }}"));
  EXPECT_TRUE(fails("{{ 'x' % 1 }}"));
  EXPECT_TRUE(fails("{{ '%s %s' % 1 }}"));
  EXPECT_TRUE(fails("{{ '%z' % 1 }}"));
}

TEST(JinjaFormat, FormatsWithBraces) {
  EXPECT_EQ(rendered("{{ '{} {}'.format(1, 'b') }} {{ '{1}{0}'.format('a', 'b') }} {{ '{x!r}'.format(x='y') }} {{ "
                     "'{{}}'.format() }} {{ '{0[0]}{1.a}'.format([7], {'a': 8}) }} {{ '{:{}}|'.format('a', 4) }}"),
            "1 b ba 'y' {} 78 a   |");
  EXPECT_EQ(rendered("{{ '{0:>5}|{0:^5}|{0:*<5}|{1:05.1f}|{2:,}|{2:_}|{3:.1%}|{4:+}|{5:#x}|{6:b}'.format('a', 2.25, "
                     "1234567, 0.256, 3, 255, 5) }}"),
            "    a|  a  |a****|002.2|1,234,567|1_234_567|25.6%|+3|0xff|101");
  EXPECT_EQ(rendered("{{ '{:.3}|{:10.3e}|{:g}|{:.3g}|{:}|{:.2}'.format('abcdef', 1234.5, 0.00001, 1234567.0, 1e20, "
                     "2.0) }} {{ '{:c}'.format(65) }} {{ '{:08.2f}|{:=+8d}|{:<08}'.format(-3.14159, 5, 7) }} {{ "
                     "'{!s}{:s}'.format(none, 'x') }} {{ '{:,}'.format(1234.5) }} {{ '{:010,}'.format(1234) }}"),
            "abc| 1.234e+03|1e-05|1.23e+06|1e+20|2.0 A -0003.14|+      5|70000000 Nonex 1,234.5 00,001,234");
  EXPECT_EQ(rendered("{{ '{:#.5}|{:#.0%}|{:#g}|{:0=-12,.5f}|{:<+#.3}'.format(0.1, 1, 123456.0, 0, 1e20) }} {{ '%#.2g' "
                     "% 42 }} {{ '[%5.c]' % (65,) }}"),
            "0.10000|100.%|123456.|00,000.00000|+1.00e+20 42. [    A]");
  EXPECT_TRUE(fails("{{ '{:,o}'.format(8) }}"));
  EXPECT_TRUE(fails("{{ '{:+}'.format('a') }}"));
  EXPECT_TRUE(fails("{{ '{:+c}'.format(65) }}"));
  EXPECT_TRUE(fails("{{ '{'.format(1) }}"));
  EXPECT_TRUE(fails("{{ '}'.format(1) }}"));
  EXPECT_TRUE(fails("{{ '{}'.format() }}"));
  EXPECT_TRUE(fails("{{ '{0}{}'.format(1, 2) }}"));
  EXPECT_TRUE(fails("{{ '{:d}'.format('a') }}"));
  EXPECT_TRUE(fails("{{ '{:d}'.format(1.5) }}"));
  EXPECT_TRUE(fails("{{ '{a}'.format(b=1) }}"));
}

}  // namespace
}  // namespace mnema::jinja
