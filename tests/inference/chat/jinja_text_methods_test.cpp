#include "inference/chat/jinja_text_methods.hpp"

#include <gtest/gtest.h>

#include "tests/inference/chat/rendered.hpp"

namespace mnema::jinja {
namespace {

TEST(JinjaTextMethods, ChangeCaseBeyondAscii) {
  EXPECT_EQ(rendered("{{ 'straße ﬁ ŉ σς ǆ'.upper() }} {{ 'ΟΔΟΣ İI'.lower() }} {{ 'ǆabc ßx o\\'neill'.title() }} {{ "
                     "'ǆABC Σ'.capitalize() }} {{ 'aBß'.swapcase() }} {{ 'Straße'.casefold() }}"),
            "STRASSE FI ʼN ΣΣ Ǆ οδος i̇i ǅabc Ssx O'Neill ǅabc σ AbSS strasse");
  EXPECT_EQ(rendered("{{ 'éÀ'|upper }} {{ 'éÀ'|lower }} {{ 'éa-b (c <d'|title }} {{ 'éÀ'|capitalize }}"),
            "ÉÀ éà Éa-B (C <D Éà");
}

TEST(JinjaTextMethods, StripBlanksOfUnicodeAndGivenCharacters) {
  EXPECT_EQ(
      rendered("[{{ '\\u00a0\\u3000 a \\u2028'.strip() }}] [{{ 'xyaxy'.strip('xy') }}] [{{ 'xax'.lstrip('x') }}] [{{ "
               "'xax'.rstrip('x') }}] [{{ 'éaé'.strip('é') }}] [{{ ' a '.strip(none) }}] [{{ 'éaé'|trim('é') }}]"),
      "[a] [a] [ax] [xa] [a] [a] [a]");
  EXPECT_TRUE(fails("{{ 'a'.strip(1) }}"));
}

TEST(JinjaTextMethods, SplitFromBothEnds) {
  EXPECT_EQ(
      rendered("{{ ' a  b c '.split() }} {{ ' a  b c '.split(none, 1) }} {{ 'a,b,c'.split(',', 1) }} {{ "
               "'a,b,c'.split(sep=',', maxsplit=1) }} {{ 'abc'.split('x') }} {{ ''.split() }} {{ ''.split(',') }}"),
      "['a', 'b', 'c'] ['a', 'b c '] ['a', 'b,c'] ['a', 'b,c'] ['abc'] [] ['']");
  EXPECT_EQ(rendered("{{ ' a  b c '.rsplit() }} {{ ' a  b c '.rsplit(none, 1) }} {{ 'a,b,c'.rsplit(',', 1) }} {{ "
                     "'a,b,c'.rsplit(',') }}"),
            "['a', 'b', 'c'] [' a  b', 'c'] ['a,b', 'c'] ['a', 'b', 'c']");
  EXPECT_EQ(
      rendered(
          "{{ 'a\\nb\\r\\nc\\n'.splitlines() }} {{ 'a\\u2028b\\x0bc'.splitlines(true) }} {{ 'a-b-c'.partition('-') }} "
          "{{ 'a-b-c'.rpartition('-') }} {{ 'abc'.partition('-') }} {{ 'abc'.rpartition('-') }}"),
      "['a', 'b', 'c'] ['a\\u2028', 'b\\x0b', 'c'] ('a', '-', 'b-c') ('a-b', '-', 'c') ('abc', '', '') ('', '', "
      "'abc')");
  EXPECT_TRUE(fails("{{ 'a'.split('') }}"));
}

TEST(JinjaTextMethods, FindByCharacters) {
  EXPECT_EQ(rendered("{{ s.find('w') }} {{ s.find('ld') }} {{ s.rfind('l') }} {{ s.find('zz') }} {{ s.find('l', 4) }} "
                     "{{ s.find('l', 0, 2) }} {{ s.index('ö') }} {{ s.count('l') }} {{ s.count('') }} {{ s.count('l', "
                     "3) }} {{ ''.find('', 1) }}"),
            "6 9 9 -1 9 -1 7 3 12 2 -1");
  EXPECT_EQ(rendered("{{ s.startswith('wö', 6) }} {{ s.startswith(('x', 'He')) }} {{ s.endswith('ör', 0, -2) }} {{ "
                     "s.endswith('ld') }} {{ s.startswith('') }}"),
            "True True True True True");
  EXPECT_TRUE(fails("{{ s.index('zz') }}"));
  EXPECT_TRUE(fails("{{ s.startswith(1) }}"));
  EXPECT_TRUE(fails("{{ s.startswith(['H']) }}"));
}

TEST(JinjaTextMethods, ReplaceTexts) {
  EXPECT_EQ(rendered("{{ 'abab'.replace('a', 'x') }} {{ 'abab'.replace('a', 'x', 1) }} {{ 'äb'.replace('', '-') }} {{ "
                     "'abc'.replace('', '-', 2) }} {{ 'abc'|replace('', '-') }} {{ 'aaa'|replace('a', 'b', 2) }} {{ "
                     "123|replace(2, 'x') }}"),
            "xbxb xbab -ä-b- -a-bc -a-b-c- bba 1x3");
  EXPECT_TRUE(fails("{{ 'a'.replace('a') }}"));
}

TEST(JinjaTextMethods, FillToAWidth) {
  EXPECT_EQ(rendered("[{{ 'ab'.center(5, '*') }}] [{{ 'ab'.ljust(4) }}] [{{ 'ab'.rjust(4, 'é') }}] [{{ '-5'.zfill(4) "
                     "}}] [{{ 'abc'.center(6) }}] [{{ 'a\\tb'.expandtabs(4) }}] [{{ 'é'|center(4) }}]"),
            "[**ab*] [ab  ] [ééab] [-005] [ abc  ] [a   b] [ é  ]");
}

TEST(JinjaTextMethods, SayOfWhatATextConsists) {
  EXPECT_EQ(
      rendered(
          "{{ 'a1'.isalnum() }}{{ '٣²'.isdigit() }}{{ '²'.isdecimal() }}{{ '½'.isnumeric() }}{{ 'é'.isalpha() }}{{ "
          "''.isalpha() }}{{ ' \\u00a0'.isspace() }}{{ 'Ab Cd'.istitle() }}{{ 'AB'.isupper() }}{{ 'a1'.islower() }}{{ "
          "'a_1'.isidentifier() }}{{ '1a'.isidentifier() }}{{ 'a\\n'.isprintable() }}{{ 'é'.isascii() }}"),
      "TrueTrueFalseTrueTrueFalseTrueTrueTrueTrueTrueFalseFalseFalse");
}

TEST(JinjaTextMethods, JoinAndFormat) {
  EXPECT_EQ(rendered("{{ '-'.join(['a', 'b']) }} {{ '-'.join('abc') }} {{ 'abc'.removeprefix('a') }} {{ "
                     "'abc'.removesuffix('bc') }} {{ '{}{}'.format(1, 'b') }} {{ '{a}'.format_map({'a': 1}) }}"),
            "a-b a-b-c bc a 1b 1");
  EXPECT_TRUE(fails("{{ '-'.join([1]) }}"));
}

TEST(JinjaTextMethods, AreNotCalledWhereTheyAreUnknown) {
  EXPECT_TRUE(fails("{{ 'a'.nosuch() }}"));
  EXPECT_TRUE(fails("{{ 'a'.upper(1) }}"));
}

}  // namespace
}  // namespace mnema::jinja
