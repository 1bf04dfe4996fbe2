#include "inference/grammar/matcher.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "inference/grammar/grammar_mask.hpp"
#include "runtime/base/random.hpp"
#include "tests/inference/grammar/matching.hpp"

namespace mnema::grammar {
namespace {

using testing::matcher_of_gbnf;
using testing::matcher_of_schema;
using testing::SmallTokenizer;
using testing::whole;

std::string repeated(std::string_view text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

TEST(Matcher, ReadsTextWithManyReadingsInTheSpaceOfOne) {
  const auto matcher = matcher_of_gbnf("root ::= \" \" root \"b\" | \" \" root \"c\" | \"d\"");
  ASSERT_TRUE(matcher.ok()) << matcher.error().text();
  EXPECT_TRUE(whole(**matcher, std::string(500, ' ') + "d" + repeated("bc", 250)));
  EXPECT_FALSE(whole(**matcher, std::string(500, ' ') + "d" + repeated("bc", 249)));
  EXPECT_FALSE(whole(**matcher, std::string(500, ' ') + "d" + repeated("bc", 251)));
  EXPECT_LT((*matcher)->bytes(), 1U << 20);
}

TEST(Matcher, ReadsSumsOfSumsWithEveryGroupingAtOnce) {
  const auto matcher =
      matcher_of_gbnf("root ::= sum\nsum ::= item (\"+\" sum)? | item \"+\" sum\nitem ::= \"1\" | \"(\" sum \")\"");
  ASSERT_TRUE(matcher.ok()) << matcher.error().text();
  EXPECT_TRUE(whole(**matcher, repeated("(1+", 100) + "1" + repeated(")", 100)));
  EXPECT_FALSE(whole(**matcher, repeated("(1+", 100) + "1" + repeated(")", 99)));
  EXPECT_LT((*matcher)->bytes(), 1U << 20);
}

TEST(Matcher, NestsObjectsThatBeginWithTheSameMember) {
  const auto matcher = matcher_of_schema(R"({"$ref":"#/$defs/n","$defs":{"n":{"anyOf":[{"type":"null"},
      {"type":"object","properties":{"a":{"$ref":"#/$defs/n"},"b":{"type":"null"}},"required":["a","b"]},
      {"type":"object","properties":{"a":{"$ref":"#/$defs/n"},"c":{"type":"null"}},"required":["a","c"]}]}}})");
  ASSERT_TRUE(matcher.ok()) << matcher.error().text();
  std::string text;
  for (int i = 0; i < 60; ++i) text += "{\"a\":";
  text += "null";
  for (int i = 0; i < 60; ++i) text += i % 2 == 0 ? ",\"b\":null}" : ",\"c\":null}";
  EXPECT_TRUE(whole(**matcher, text));
  EXPECT_FALSE(whole(**matcher, text + "}"));
}

TEST(Matcher, FollowsRulesThatMayBeEmpty) {
  const auto matcher =
      matcher_of_gbnf("root ::= \"(\" a b a \")\" b\na ::= b b\nb ::= \"x\"? c\nc ::= \"\" | \"[\" root \"]\"");
  ASSERT_TRUE(matcher.ok()) << matcher.error().text();
  for (const char* text : {"()", "(x)", "(xxxxx)x", "([()])", "([(x)x]x[()])[()]"})
    EXPECT_TRUE(whole(**matcher, text)) << text;
  for (const char* text : {"(xxxxxx)", "([()]", "[()]", "()xx"}) EXPECT_FALSE(whole(**matcher, text)) << text;
}

/// Where a part of a text may end that `node` describes, by the definition. Rules that come back to themselves without a
/// letter, as by a choice that fits no text, are computed again until they say nothing new.
class PlainReader {
 public:
  PlainReader(const Rules& rules, std::string_view text) : rules_(rules), text_(text) {}
  bool whole() {
    do {
      has_changed_ = false;
      visited_.clear();
      static_cast<void>(of_rule(rules_.root, 0));
    } while (has_changed_);
    return of_rule(rules_.root, 0).contains(text_.size());
  }

 private:
  using Ends = std::set<std::size_t>;

  const Ends& of_rule(int rule, std::size_t at) {
    Ends& known = known_[{rule, at}];
    if (!visited_.insert({rule, at}).second) return known;
    const std::size_t before = known.size();
    known.merge(of(*rules_.rules[static_cast<std::size_t>(rule)].body, at));
    has_changed_ = has_changed_ || known.size() != before;
    return known;
  }
  Ends of_each(const Node& node, const Ends& begins) {
    Ends ends;
    for (const std::size_t begin : begins) ends.merge(of(node, begin));
    return ends;
  }
  Ends of(const Node& node, std::size_t at) {
    switch (node.kind) {
      case Node::Kind::kLiteral:
        return text_.substr(at).starts_with(node.literal) ? Ends{at + node.literal.size()} : Ends{};
      case Node::Kind::kCharacters:
        for (const CodePointRange& range : node.characters) {
          const auto c = at < text_.size() ? static_cast<unsigned char>(text_[at]) : kCodePointMax + 1;
          if (c >= range.first && c <= range.last) return {at + 1};
        }
        return {};
      case Node::Kind::kSequence: {
        Ends ends{at};
        for (const Expression& part : node.children) ends = of_each(*part, ends);
        return ends;
      }
      case Node::Kind::kDistinct:
        return {at};
      case Node::Kind::kAlternatives: {
        Ends ends;
        for (const Expression& choice : node.children) ends.merge(of(*choice, at));
        return ends;
      }
      case Node::Kind::kRepeat: {
        Ends now{at}, ends;
        const int most = node.repeat_max < 0 ? node.repeat_min + static_cast<int>(text_.size()) + 1 : node.repeat_max;
        for (int i = 0; i <= most; ++i) {
          if (i >= node.repeat_min) ends.insert(now.begin(), now.end());
          now = of_each(*node.children.front(), now);
        }
        return ends;
      }
      case Node::Kind::kRule:
        return of_rule(node.rule, at);
      case Node::Kind::kStates: {
        std::set<std::pair<int, std::size_t>> seen{{0, at}};
        std::vector<std::pair<int, std::size_t>> work{{0, at}};
        Ends ends;
        while (!work.empty()) {
          const auto [state, begin] = work.back();
          work.pop_back();
          const Node::State& from = node.states[static_cast<std::size_t>(state)];
          if (from.accepting) ends.insert(begin);
          for (const Node::Edge& edge : from.edges) {
            for (const std::size_t end : of(*edge.on, begin)) {
              if (seen.insert({edge.to, end}).second) work.emplace_back(edge.to, end);
            }
          }
        }
        return ends;
      }
    }
    return {};
  }

  const Rules& rules_;
  std::string_view text_;
  std::map<std::pair<int, std::size_t>, Ends> known_;
  std::set<std::pair<int, std::size_t>> visited_;  // in this round
  bool has_changed_ = false;
};

std::string random_part(SeededRandom& random, int depth) {
  switch (random.below(depth > 2 ? 5 : 9)) {
    case 0:
    case 1:
      return "\"a\"";
    case 2:
      return "\"b\"";
    case 3:
      return std::string("r") + static_cast<char>('0' + random.below(4));
    case 4:
      return random.below(4) == 0 ? "[]" : "\"\"";
    case 5:
    case 6:
    case 7: {
      const char* const between = random.below(3) < 2 ? " | " : " ";
      const std::string left = random_part(random, depth + 1);  // first, with every compiler
      return "(" + left + between + random_part(random, depth + 1) + ")";
    }
    default:
      return "(" + random_part(random, depth + 1) + ")" +
             std::vector<std::string>{"*", "?", "+", "{1,2}"}[random.below(4)];
  }
}

TEST(Matcher, AllowsExactlyWhatAGrammarDescribesWhateverItLooksLike) {
  SeededRandom random(2026);
  int compiled = 0;
  for (int round = 0; round < 3'000; ++round) {
    std::string gbnf = "root ::= r0 | r1\n";
    for (int rule = 0; rule < 4; ++rule) {
      gbnf += "r" + std::to_string(rule) + " ::=";
      for (std::uint64_t parts = 1 + random.below(3); parts > 0; --parts) gbnf += " " + random_part(random, 0);
      gbnf += random.below(2) == 0 ? " | " + random_part(random, 0) + "\n" : "\n";
    }
    const auto rules = parse_gbnf(gbnf);
    ASSERT_TRUE(rules.ok()) << gbnf;
    const auto matcher = testing::matcher_of(rules);
    if (!matcher.ok()) continue;  // left-recursive, or without any text
    ++compiled;
    for (std::uint32_t bits = 1; bits < 128; ++bits) {  // every text of up to six letters
      std::string text;
      for (std::uint32_t left = bits; left > 1; left >>= 1) text += left % 2 == 0 ? 'a' : 'b';
      ASSERT_EQ(whole(**matcher, text), PlainReader(*rules, text).whole()) << gbnf << "\n" << text;
    }
  }
  EXPECT_GT(compiled, 300);
}

TEST(Matcher, BeginsAnewInTheMiddleOfAText) {
  const auto matcher = matcher_of_gbnf("root ::= \"[\" (root (\",\" root)*)? \"]\" | \"{\" root \"}\" | \"1\"");
  ASSERT_TRUE(matcher.ok());
  Position position = (*matcher)->start();
  for (const char byte : std::string_view("[{[1,["))
    position = (*matcher)->step(position, static_cast<std::uint8_t>(byte));
  Matcher anew(**matcher, position);
  EXPECT_TRUE(whole(anew, "],1]},[]]"));
  EXPECT_FALSE(whole(anew, "],1}},[]]"));
  EXPECT_FALSE(whole(anew, "],1]},[]"));
}

TEST(Matcher, SaysThatAnOperationTakesTooMuchInsteadOfGoingOn) {
  const auto rules = parse_gbnf("root ::= . root . | . root [a-m] | .");
  ASSERT_TRUE(rules.ok());
  Matcher matcher(std::make_shared<const Automaton>(*Automaton::compile(*rules, Limits{})), 100'000);
  Position position = matcher.start();
  SeededRandom random(3);
  while (position != kDead) position = matcher.step(position, static_cast<std::uint8_t>('a' + random.below(26)));
  EXPECT_TRUE(matcher.overflowed());
  EXPECT_TRUE(matcher.full());
  EXPECT_LT(matcher.bytes(), 1'000'000U);
}

}  // namespace
}  // namespace mnema::grammar
