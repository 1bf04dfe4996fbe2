#include "inference/chat/jinja_operators.hpp"

#include <gtest/gtest.h>

#include "tests/inference/chat/rendered.hpp"

namespace mnema::jinja {
namespace {

TEST(JinjaOperators, FindMethodsBeforeMembersOfADictionary) {
  EXPECT_EQ(rendered("{{ d['items'] }} {{ d.items()|list }} {{ d.items is defined }} {{ d['keys']()|list }} {{ d.a }} "
                     "{{ d['a'] }} {{ d.zz is defined }} {{ d.get('a') }} {{ d.get('zz') }} {{ d.get('zz', 1) }} {{ "
                     "d.values()|list }} {{ d.keys() }} {{ d.items() }} {{ d.values() }}"),
            "7 [('b', 1), ('a', 'x'), ('items', 7)] True ['b', 'a', 'items'] x x False x None 1 [1, 'x', 7] "
            "dict_keys(['b', 'a', 'items']) dict_items([('b', 1), ('a', 'x'), ('items', 7)]) dict_values([1, 'x', 7])");
}

TEST(JinjaOperators, RefuseWhatWouldChangeAValue) {
  EXPECT_EQ(rendered("{{ l.append is defined }}|{{ d.update is defined }}"), "False|False");
  EXPECT_TRUE(fails("{{ l.append(1) }}"));
  EXPECT_TRUE(fails("{{ l.pop() }}"));
  EXPECT_TRUE(fails("{{ d.update({}) }}"));
  EXPECT_TRUE(fails("{{ d.pop('a') }}"));
  EXPECT_TRUE(fails("{% set _ = l.sort() %}"));
}

TEST(JinjaOperators, SliceTextsListsTuplesAndRanges) {
  EXPECT_EQ(
      rendered("{{ s[::2] }} {{ s[-3:] }} {{ s[1] }} {{ s[-1] }} {{ s[6:8] }} {{ s[::-1] }} {{ s[20:] }} {{ l[::-1] }} "
               "{{ l[1:] }} {{ l[-1] }} {{ (1, 2, 3)[1:] }} {{ range(10)[2:8:3] }} {{ range(10)[2:8:3]|list }} {{ l[5] "
               "is defined }} {{ l['a'] is defined }} {{ l[:none] }} {{ l[true] }}"),
      "Hlowrd rld e d wö dlröw olleH  [2, 1, 3] [1, 2] 2 (2, 3) range(2, 8, 3) [2, 5] False False [3, 1, 2] 1");
  EXPECT_TRUE(fails("{{ l[::0] }}"));
  EXPECT_TRUE(fails("{{ l['a':] }}"));
  EXPECT_TRUE(fails("{{ x[1] }}"));
  EXPECT_TRUE(fails("{{ x[1:] }}"));
}

TEST(JinjaOperators, CompareAsPythonDoes) {
  EXPECT_EQ(rendered("{{ 1 < 2 < 3 }}{{ 1 < 3 < 2 }}{{ 1 < 2 == 2 }}{{ 1 == true }}{{ 1 == 1.0 }}{{ '1' == 1 }}{{ none "
                     "== none }}{{ x == y }}{{ x != 1 }}{{ [1, 'a'] == [1, 'a'] }}{{ [1] == (1,) }}{{ {'a': 1, 'b': 2} "
                     "== {'b': 2, 'a': 1.0} }}{{ (1, 2) < (1, 3) }}{{ 'é' > 'f' }}{{ [1, 2] < [1] }}"),
            "TrueFalseTrueTrueTrueFalseTrueTrueTrueTrueFalseTrueTrueTrueFalse");
  EXPECT_EQ(rendered("{{ 1 in l }}{{ 9 not in l }}{{ 'ell' in s }}{{ 'a' in d }}{{ 1 in d }}{{ 'a' in x }}{{ none in "
                     "[none] }}{{ 1 in (1, 2) }}{{ 2 in range(3) }}{{ '' in '' }}"),
            "TrueTrueTrueTrueFalseFalseTrueTrueTrueTrue");
  EXPECT_TRUE(fails("{{ 1 < 'a' }}"));
  EXPECT_TRUE(fails("{{ x < 1 }}"));
  EXPECT_TRUE(fails("{{ 1 in 'a' }}"));
  EXPECT_TRUE(fails("{{ 1 in 5 }}"));
  EXPECT_TRUE(fails("{{ [1] in d }}"));
  EXPECT_TRUE(fails("{{ none < 1 }}"));
}

TEST(JinjaOperators, CalculateAsPythonDoes) {
  EXPECT_EQ(rendered("{{ 'a' + 'b' }} {{ 'a' * 3 }} {{ 2 * 'b' }} {{ [1] + [2] }} {{ [1] * 2 }} {{ (1,) + (2,) }} {{ 1 "
                     "~ none ~ x ~ [1] }} {{ 'a' 'b' }} {{ 'a' * -1 }}|"),
            "ab aaa bb [1, 2] [1, 1] (1, 2) 1None[1] ab |");
  EXPECT_TRUE(fails("{{ 'a' + 1 }}"));
  EXPECT_TRUE(fails("{{ x + 1 }}"));
  EXPECT_TRUE(fails("{{ 'a' + x }}"));
  EXPECT_TRUE(fails("{{ [1] + (1,) }}"));
  EXPECT_TRUE(fails("{{ none + 1 }}"));
  EXPECT_TRUE(fails("{{ d + d }}"));
  EXPECT_TRUE(fails("{{ 'a' - 'b' }}"));
}

TEST(JinjaOperators, PrintAsPythonDoes) {
  EXPECT_EQ(rendered("{{ (1, 2) }} {{ (1,) }} {{ () }} {{ 1, 2 }} {{ [none, true, 1.0, 'it\\'s', \"a\\\"'\", "
                     "'é\\n\\x7f\\u200b'] }} {{ range(3) }} {{ range(1, 9, 2) }} {{ nested }} {{ d }} {{ {1: 2, (1, "
                     "2): none, true: 4} }} {{ [x] }} {{ namespace(a=1) }}"),
            "(1, 2) (1,) () (1, 2) [None, True, 1.0, \"it's\", 'a\"\\'', 'é\\n\\x7f\\u200b'] range(0, 3) range(1, 9, "
            "2) {'a': {'b': [1, {'c': None}]}} {'b': 1, 'a': 'x', 'items': 7} {1: 4, (1, 2): None} [Undefined] "
            "<Namespace {'a': 1}>");
}

TEST(JinjaOperators, HaveAnUndefinedValueThatIsEmpty) {
  EXPECT_EQ(rendered("{{ x }}|{{ x is defined }}|{{ d.q }}|{{ d.q is defined }}|{{ x|length }}|{{ x|list }}|{{ not x "
                     "}}|{% for i in x %}a{% else %}none{% endfor %}|{{ 1 if false }}|{{ '%s' % x }}"),
            "|False||False|0|[]|True|none||");
  EXPECT_TRUE(fails("{{ x.y }}"));
  EXPECT_TRUE(fails("{{ d.q.r }}"));
  EXPECT_TRUE(fails("{{ x() }}"));
  EXPECT_TRUE(fails("{{ -x }}"));
}

}  // namespace
}  // namespace mnema::jinja
