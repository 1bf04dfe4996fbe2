#include "inference/chat/jinja_filters.hpp"

#include <gtest/gtest.h>

#include "tests/inference/chat/rendered.hpp"

namespace mnema::jinja {
namespace {

TEST(JinjaFilters, ChooseElements) {
  EXPECT_EQ(rendered("{{ msgs|selectattr('role', 'equalto', 'user')|list }} {{ "
                     "msgs|rejectattr('n')|map(attribute='role')|list }} {{ l|select('ge', 2)|list }} {{ "
                     "l|reject('lessthan', 2)|list }} {{ l|select('sameas', 1)|list }} {{ ['', 'a', 0]|select|list }}"),
            "[{'role': 'user', 'content': 'hi'}] ['user', 'assistant'] [3, 2] [3, 2] [1] ['a']");
  EXPECT_EQ(
      rendered(
          "{{ nn|selectattr('a')|list }} {{ x|select|list }} {{ x|map('upper')|list }} {{ (nn|map('upper'))|list }}"),
      "[] [] [] []");
  EXPECT_EQ(rendered("{% if msgs|selectattr('zz') %}iterators are true{% endif %}"), "iterators are true");
  EXPECT_EQ(rendered("{{ ['a']|map('upper')|list }} {{ msgs|map(attribute='n', default=0)|list }} {{ [['a', "
                     "'b']]|map('join', '-')|list }} {{ [[1, 2]]|map(attribute='1')|list }} {{ [{'a': {'b': "
                     "3}}]|map(attribute='a.b')|list }} {{ [1, 2]|map('string')|join }}"),
            "['A'] [0, 2, 0] ['a-b'] [2] [3] 12");
  EXPECT_EQ(rendered("{{ l|first }} {{ l|last }} {{ e|first }} {{ 'abc'|first }}{{ 'abc'|last }} {{ d|first }} {{ "
                     "d|last }} {{ l|reverse|list }} {{ 'äbc'|reverse }} {{ (l|select)|reverse|list }}"),
            "3 2  ac b items [2, 1, 3] cbä [2, 1, 3]");
  EXPECT_TRUE(fails("{{ (l|select)|length }}"));
  EXPECT_TRUE(fails("{{ (l|map('nosuch'))|list }}"));
  EXPECT_TRUE(fails("{{ l|select('nosuch')|list }}"));
  EXPECT_TRUE(fails("{{ 5|map('upper')|list }}"));
}

TEST(JinjaFilters, CountAndSum) {
  EXPECT_EQ(rendered("{{ l|length }} {{ s|length }} {{ d|count }} {{ x|length }} {{ 'äö'|length }} {{ l|sum }} {{ "
                     "msgs|sum(attribute='role.nosuch', start=1) if false }} {{ [{'n': 2}, {'n': "
                     "3}]|sum(attribute='n', start=1) }} {{ [[1], [2]]|sum(start=[]) }} {{ 'a b, c_d'|wordcount }}"),
            "3 11 3 0 2 6  6 [1, 2] 3");
  EXPECT_TRUE(fails("{{ 5|length }}"));
  EXPECT_TRUE(fails("{{ ['a']|sum }}"));
  EXPECT_TRUE(fails("{{ nn|length }}"));
}

TEST(JinjaFilters, OrderElements) {
  EXPECT_EQ(rendered("{{ l|sort }} {{ l|sort(reverse=true) }} {{ ['b', 'A', 'a', 'B']|sort }} {{ ['b', 'A', 'a', "
                     "'B']|sort(case_sensitive=true) }} {{ msgs|sort(attribute='role')|map(attribute='role')|list }} "
                     "{{ [{'a': 1, 'b': 2}, {'a': 1, 'b': 1}]|sort(attribute='a,b') }}"),
            "[1, 2, 3] [3, 2, 1] ['A', 'a', 'b', 'B'] ['A', 'B', 'a', 'b'] ['assistant', 'tool', 'user'] [{'a': 1, "
            "'b': 1}, {'a': 1, 'b': 2}]");
  EXPECT_EQ(
      rendered(
          "{{ l|min }} {{ l|max }} {{ ['b', 'A']|min }} {{ ['b', 'A']|max }} {{ e|min }} {{ msgs|max(attribute='role') "
          "}} {{ ['b', 'A', 'a', 'B']|unique|list }} {{ [1, 1.0, true, 2]|unique|list }}"),
      "1 3 A b  {'role': 'user', 'content': 'hi'} ['b', 'A'] [1, 2]");
  EXPECT_EQ(rendered("{{ d|dictsort }} {{ {'b': 1, 'A': 2}|dictsort }} {{ {'b': 1, 'A': 2}|dictsort(true) }} {{ {'b': "
                     "1, 'a': 2}|dictsort(by='value', reverse=true) }} {{ d|items|list }} {{ x|items|list }}"),
            "[('a', 'x'), ('b', 1), ('items', 7)] [('A', 2), ('b', 1)] [('A', 2), ('b', 1)] [('a', 2), ('b', 1)] "
            "[('b', 1), ('a', 'x'), ('items', 7)] []");
  EXPECT_EQ(rendered("{% for g in msgs|groupby('role') %}{{ g.grouper }}={{ g.list|length }}{{ g[0] }};{% endfor %}{{ "
                     "[{'a': 'x'}, {}, {'a': 'X'}]|groupby('a', default='y') }}"),
            "assistant=1assistant;tool=1tool;user=1user;[('x', [{'a': 'x'}, {'a': 'X'}]), ('y', [{}])]");
  EXPECT_TRUE(fails("{{ [1, 'a']|sort }}"));
  EXPECT_TRUE(fails("{{ l|items }}|{{ l|items|list }}"));
  EXPECT_TRUE(fails("{{ l|dictsort }}"));
  EXPECT_TRUE(fails("{{ [[1]]|unique|list }}"));
}

TEST(JinjaFilters, MakeRows) {
  EXPECT_EQ(rendered("{{ [1, 2, 3, 4, 5]|batch(2)|list }} {{ [1, 2, 3, 4, 5]|batch(2, 'x')|list }} {{ [1, 2, 3, 4, "
                     "5]|slice(2)|list }} {{ [1, 2, 3, 4]|slice(3, 'x')|list }} {{ e|batch(2)|list }} {{ 'abc'|list }} "
                     "{{ d|list }}"),
            "[[1, 2], [3, 4], [5]] [[1, 2], [3, 4], [5, 'x']] [[1, 2, 3], [4, 5]] [[1, 2], [3, 'x'], [4, 'x']] [] "
            "['a', 'b', 'c'] ['b', 'a', 'items']");
}

TEST(JinjaFilters, ChangeTexts) {
  EXPECT_EQ(rendered("{{ 'a\\nb\\n\\nc'|indent(2) }}|{{ 'a\\nb'|indent(2, true) }}|{{ 'a\\n\\nb'|indent('> ', "
                     "blank=true) }}|{{ ''|indent }}|{{ 'a\\n'|indent }}"),
            "a\n  b\n\n  c|  a\n  b|a\n> \n> b||a\n");
  EXPECT_EQ(rendered("{{ 'foo bar baz qux'|truncate(9) }}|{{ 'foo bar baz qux'|truncate(9, true) }}|{{ 'foo bar baz "
                     "qux'|truncate(11) }}|{{ 'foo bar baz qux'|truncate(11, false, '..', 0) }}|{{ 'foobarbaz "
                     "qux'|truncate(9, leeway=0) }}"),
            "foo...|foo ba...|foo bar baz qux|foo bar..|foobar...");
  EXPECT_EQ(
      rendered(
          "{{ 1000000|filesizeformat }} {{ 1|filesizeformat }} {{ 2048|filesizeformat(true) }} {{ 999|filesizeformat "
          "}} {{ 'a b/ä'|urlencode }} {{ {'a b': 'c/d'}|urlencode }} {{ [('x', 1)]|urlencode }}"),
      "1.0 MB 1 Byte 2.0 KiB 999 Bytes a%20b/%C3%A4 a+b=c%2Fd x=1");
  EXPECT_EQ(
      rendered("{{ '<a & \"b\">'|e }} {{ '<'|e|e }} {{ '<'|forceescape }} {{ '<'|safe|forceescape }} {{ ['<'|safe] }} "
               "{{ l|string }} {{ l|join(', ') }} {{ msgs|join(',', attribute='role') }} {{ nn|upper }} {{ x|upper "
               "}}|{{ x|default('d') }} {{ ''|default('d', true) }} {{ nn|d('d') }} {{ nn|d('d', boolean=true) }}"),
      "&lt;a &amp; &#34;b&#34;&gt; &lt; &lt; &lt; [Markup('<')] [3, 1, 2] 3, 1, 2 user,tool,assistant NONE |d d None "
      "d");
  EXPECT_TRUE(fails("{{ 5|indent }}"));
  EXPECT_TRUE(fails("{{ x|indent }}"));
  EXPECT_TRUE(fails("{{ 'foo bar'|truncate(2) }}"));
}

TEST(JinjaFilters, EscapeWhatJoinsASafeText) {
  EXPECT_EQ(
      rendered(
          "{{ 'x'|safe + '<b>' }} {{ '<' + 'x'|safe }} {{ ('a'|safe) ~ '<' }} {{ '%s %s'|safe % ('<', '<'|safe) }} {{ "
          "'{}'|safe.format('<') if false }}{{ ('{}'|safe).format('<') }} {{ ('-<'|safe).join(['<', 'a']) }} {{ "
          "('a'|safe).replace('a', '<') }} {{ 'a'|safe * 2 }} {{ ('<b>'|safe)|upper + '<' }} {{ ('<b'|safe)|list }} {{ "
          "('<b'|safe)[0] is escaped }} {{ 'x'|safe is escaped }} {{ 'x'|safe is string }}"),
      "x&lt;b&gt; &lt;x a< &lt; < &lt; &lt;-<a &lt; aa <B>&lt; ['<', 'b'] True True True");
}

TEST(JinjaFilters, FailWhereTheyAreReached) {
  EXPECT_EQ(rendered("{% if false %}{{ 'a'|nosuch }}{% endif %}fine"), "fine");
  EXPECT_EQ(rendered("{{ l|attr('nosuch') }}|{{ d|attr('a') }}"), "|");
  EXPECT_TRUE(fails("{{ 'a'|nosuch }}"));
  EXPECT_TRUE(fails("{{ 'a'|upper(1) }}"));
  EXPECT_TRUE(fails("{{ 'a'|default(nosuch=1) }}"));
}

}  // namespace
}  // namespace mnema::jinja
