#include "inference/chat/jinja_functions.hpp"

#include <gtest/gtest.h>

#include "tests/inference/chat/rendered.hpp"

namespace mnema::jinja {
namespace {

TEST(JinjaFunctions, CycleAndJoin) {
  EXPECT_EQ(rendered("{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}{% set _ "
                     "= c.reset() %}{{ c.next() }}{% set j = joiner(', ') %}{{ j() }}1{{ j() }}2{{ j() }}3"),
            "ababa1, 2, 3");
  EXPECT_TRUE(fails("{{ cycler() }}"));
}

TEST(JinjaFunctions, MakeRangesAndDictionaries) {
  EXPECT_EQ(rendered("{{ range(3)|list }} {{ range(1, 7, 2)|list }} {{ range(3, 0, -1)|list }} {{ range(0)|list }} {{ "
                     "dict(a=1, b=2) }} {{ dict([('a', 1), (2, 3)]) }} {{ dict({'a': 1}, c=3) }}"),
            "[0, 1, 2] [1, 3, 5] [3, 2, 1] [] {'a': 1, 'b': 2} {'a': 1, 2: 3} {'a': 1, 'c': 3}");
  EXPECT_TRUE(fails("{{ range(1, 2, 0) }}"));
  EXPECT_TRUE(fails("{{ range(1.5) }}"));
  EXPECT_TRUE(fails("{{ range(1000000) }}"));
  EXPECT_TRUE(fails("{{ dict(1) }}"));
}

TEST(JinjaFunctions, RaiseTheTemplatesOwnErrors) {
  EXPECT_TRUE(fails("{{ raise_exception('no ' ~ 'way') }}"));
  EXPECT_TRUE(fails("{{ raise_exception() }}"));
}

TEST(JinjaFunctions, SayTheTime) {
  EXPECT_EQ(rendered("{{ strftime_now('%d %b %Y') }} {{ strftime_now('%Y-%m-%dT%H:%M:%S.%f|%j|%A|%%|%z|%Z|') }}{{ "
                     "strftime_now('') }}"),
            "14 Nov 2023 2023-11-14T22:13:20.123456|318|Tuesday|%|||");
  EXPECT_TRUE(fails("{{ strftime_now(1) }}"));
}

}  // namespace
}  // namespace mnema::jinja
