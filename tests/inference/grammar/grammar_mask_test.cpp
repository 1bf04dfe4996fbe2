#include "inference/grammar/grammar_mask.hpp"

#include <gtest/gtest.h>

#include "inference/grammar/constraint_compiler.hpp"
#include "runtime/base/json.hpp"
#include "runtime/base/json_schema.hpp"
#include "runtime/base/random.hpp"
#include "tests/inference/grammar/matching.hpp"

namespace mnema::grammar {
namespace {

using testing::SmallTokenizer;

bool bit(const std::vector<std::uint64_t>& words, TokenId token) {
  return (words[static_cast<std::size_t>(token) / 64] >> (token % 64) & 1) != 0;
}

Constraint schema_constraint(const char* schema) { return JsonSchemaConstraint{boost::json::parse(schema)}; }

TEST(GrammarMask, AgreesWithTryingEachTokenAlone) {
  const auto tokenizer = std::make_shared<SmallTokenizer>();
  ConstraintCompiler compiler(tokenizer, Limits{});
  const auto mask = compiler.compile(schema_constraint(
      R"({"type":"object","properties":{"name":{"type":"string"},"ok":{"type":"boolean"}},"required":["name"]})"));
  ASSERT_TRUE(mask.ok()) << mask.error().text();
  SeededRandom random(7);
  std::vector<std::uint64_t> words((static_cast<std::size_t>(tokenizer->vocabulary_size()) + 63) / 64);
  for (int step = 0; step < 60 && !(*mask)->finished(); ++step) {
    (*mask)->fill(words);
    std::vector<TokenId> allowed;
    for (TokenId token = 0; token < tokenizer->vocabulary_size(); ++token) {
      EXPECT_EQ(bit(words, token), (*mask)->allows(token)) << "token " << token << " at step " << step;
      if (bit(words, token)) allowed.push_back(token);
    }
    ASSERT_FALSE(allowed.empty());
    (*mask)->accept(allowed[random.below(allowed.size())]);
  }
}

TEST(GrammarMask, IsTheSameInFreeTextWhereTokensAreTakenByTheirLength) {
  const auto tokenizer = std::make_shared<SmallTokenizer>();
  const auto plain = [](const char* inside) { return "root ::= \"<\" " + std::string(inside) + " \">\""; };
  const std::vector<std::pair<Constraint, const char*>> places = {
      {schema_constraint(R"({"type":"string"})"), "\"a"},
      {schema_constraint(R"({"type":"string","maxLength":3})"), "\""},
      {schema_constraint(R"({"type":"string","maxLength":3})"), "\"ab"},
      {schema_constraint(R"({"type":"string","minLength":2,"maxLength":40})"), "\"a"},
      {schema_constraint(R"({"type":"string","pattern":"^[a-zA-Z0-9]{2,3}x?$"})"), "\""},
      {GrammarConstraint{plain("[^<>]*")}, "<a"},
      {GrammarConstraint{plain("[ -~]+")}, "<a"},                    // ASCII only
      {GrammarConstraint{plain("[^<>é]+")}, "<a"},                   // characters beyond ASCII lead to different places
      {GrammarConstraint{plain("[^<>] [0-9a-z]")}, "<"},             // the second character is more choosy
      {GrammarConstraint{plain("([^<>] | \"true\" [^<>]*)")}, "<"},  // one character leads elsewhere
  };
  for (const auto& [constraint, before] : places) {
    ConstraintCompiler compiler(tokenizer, Limits{});
    const auto mask = compiler.compile(constraint);
    ASSERT_TRUE(mask.ok()) << mask.error().text();
    for (const char* byte = before; *byte != 0; ++byte) (*mask)->accept(static_cast<unsigned char>(*byte));
    std::vector<std::uint64_t> words((static_cast<std::size_t>(tokenizer->vocabulary_size()) + 63) / 64);
    (*mask)->fill(words);
    for (TokenId token = 0; token < tokenizer->vocabulary_size(); ++token) {
      EXPECT_EQ(bit(words, token), (*mask)->allows(token)) << before << ", token " << token;
    }
  }
}

TEST(GrammarMask, MakesOnlyTextsThatAreWhole) {
  const auto tokenizer = std::make_shared<SmallTokenizer>();
  ConstraintCompiler compiler(tokenizer, Limits{});
  SeededRandom random(11);
  for (int round = 0; round < 200; ++round) {
    const auto mask = compiler.compile(schema_constraint(
        R"({"type":"object","properties":{"label":{"enum":["bug","feature"]},"n":{"type":"integer","minimum":1,"maximum":30},
            "tags":{"type":"array","items":{"type":"string","maxLength":3},"maxItems":2}},"required":["label","n","tags"]})"));
    ASSERT_TRUE(mask.ok());
    std::vector<std::uint64_t> words((static_cast<std::size_t>(tokenizer->vocabulary_size()) + 63) / 64);
    std::string text;
    bool ended = false;
    for (int step = 0; step < 400 && !ended; ++step) {
      (*mask)->fill(words);
      std::vector<TokenId> allowed;
      for (TokenId token = 0; token < tokenizer->vocabulary_size(); ++token) {
        if (bit(words, token)) allowed.push_back(token);
      }
      ASSERT_FALSE(allowed.empty()) << text;
      const TokenId token = allowed[random.below(allowed.size())];
      (*mask)->accept(token);
      ended = token == tokenizer->end_of_sequence();
      if (!ended) text += *tokenizer->decode_token(token, false);
    }
    ASSERT_TRUE(ended) << text;
    boost::system::error_code error;
    const boost::json::value value = boost::json::parse(text, error);
    ASSERT_FALSE(error) << text;
    EXPECT_TRUE(value.at("label") == "bug" || value.at("label") == "feature") << text;
    EXPECT_GE(value.at("n").to_number<int>(), 1);
    EXPECT_LE(value.at("n").to_number<int>(), 30);
    EXPECT_LE(value.at("tags").as_array().size(), 2U);
  }
}

/// Words of the vocabulary that hold the end of one item, or member, and the next one.
std::shared_ptr<SmallTokenizer> tokenizer_of_items() {
  return std::make_shared<SmallTokenizer>(std::vector<std::string>{
      "\",\"", "\", \"",  "a\",\"a", "a\",\"b\"",   "[\"a\",\"a\"]",  "[\"a\",\"b\"", ",1",
      "1,1",   "1,2,",    "1.0",     "},{\"a\":1}", "{\"a\":1,\"a\"", "true,",        ",true",
      "\"]",   "\":1,\"", "a\":1",   "[\"",         "b\"]",           "\",",          "\\u0061"});
}

TEST(GrammarMask, ForbidsWhatRepeatsAnItemOrANameAlsoWithinAToken) {
  const auto tokenizer = tokenizer_of_items();
  SeededRandom random(23);
  for (
      const char* schema :
      {R"({"type":"array","uniqueItems":true,"maxItems":6,"items":{"type":"string","pattern":"^[ab]{1,2}$"}})",
       R"({"type":"array","uniqueItems":true,"items":{"enum":["a","b","ab",1,2,12,true,null]}})",
       R"({"type":"array","uniqueItems":true,"items":{"type":"integer","minimum":0,"maximum":12},"minItems":4})",
       R"({"type":"array","uniqueItems":true,"items":{"type":"array","items":{"type":"boolean"},"maxItems":2}})",
       R"({"type":"array","uniqueItems":true,"maxItems":8,"items":{"type":"object","properties":{"a":{"enum":[1,2]},
               "b":{"type":"boolean"}},"required":["a"]}})",
       R"({"type":"object","maxProperties":6,"patternProperties":{"^[ab]{1,7}$":{"const":1}},"additionalProperties":false})",
       R"({"type":"array","uniqueItems":true,"maxItems":5})"}) {
    ConstraintCompiler compiler(tokenizer, Limits{});
    const auto validator = JsonSchema::compile(boost::json::parse(schema));
    ASSERT_TRUE(validator.ok());
    std::vector<std::uint64_t> words((static_cast<std::size_t>(tokenizer->vocabulary_size()) + 63) / 64);
    for (int round = 0; round < 60; ++round) {
      const auto made = compiler.compile(schema_constraint(schema));
      ASSERT_TRUE(made.ok()) << made.error().text();
      std::unique_ptr<TokenMask> mask = (*made)->clone();
      std::string text;
      bool ended = false;
      for (int step = 0; step < 150 && !ended; ++step) {
        mask->fill(words);
        ASSERT_TRUE(mask->status().ok()) << schema << "\n" << text;
        std::vector<TokenId> allowed, longer;
        for (TokenId token = 0; token < tokenizer->vocabulary_size(); ++token) {
          if (round < 3) {
            ASSERT_EQ(bit(words, token), mask->allows(token)) << schema << "\n" << text << " and token " << token;
          }
          if (!bit(words, token)) continue;
          allowed.push_back(token);
          if (token > 256 && token != tokenizer->find("  ")) longer.push_back(token);
        }
        ASSERT_FALSE(allowed.empty()) << schema << "\n" << text;
        const std::vector<TokenId>& from = longer.empty() || random.below(4) == 0 ? allowed : longer;
        const TokenId token = from[random.below(from.size())];
        const std::unique_ptr<TokenMask> before = mask->clone();
        mask->accept(token);
        if (random.below(5) == 0) {  // a draft that was not taken
          mask = before->clone();
          mask->accept(token);
        }
        ended = token == tokenizer->end_of_sequence();
        if (!ended) text += *tokenizer->decode_token(token, false);
      }
      if (!ended) continue;
      const auto value = parse_bounded_json(text, "the text");  // which refuses a name that comes twice
      ASSERT_TRUE(value.ok()) << value.error().text() << "\n" << text;
      EXPECT_TRUE(validator->validate(*value).empty()) << schema << "\n" << text;
    }
  }
}

TEST(GrammarMask, OffersTheEndOnlyWhereTheTextIsWhole) {
  const auto tokenizer = std::make_shared<SmallTokenizer>();
  ConstraintCompiler compiler(tokenizer, Limits{});
  const auto mask = compiler.compile(ChoiceConstraint{{"yes", "no"}});
  ASSERT_TRUE(mask.ok());
  const TokenId end = tokenizer->end_of_sequence();
  EXPECT_FALSE((*mask)->allows(end));
  EXPECT_TRUE((*mask)->allows(tokenizer->find("ye")));
  EXPECT_FALSE((*mask)->allows(tokenizer->find("true")));
  (*mask)->accept(tokenizer->find("ye"));
  EXPECT_FALSE((*mask)->allows(end));
  (*mask)->accept('s');
  EXPECT_TRUE((*mask)->allows(end));
  EXPECT_TRUE((*mask)->finished());
  std::vector<std::uint64_t> words((static_cast<std::size_t>(tokenizer->vocabulary_size()) + 63) / 64);
  (*mask)->fill(words);
  EXPECT_TRUE(bit(words, end));
  EXPECT_FALSE(bit(words, 's'));
}

TEST(GrammarMask, KeepsACopyWhereItWas) {
  const auto tokenizer = std::make_shared<SmallTokenizer>();
  ConstraintCompiler compiler(tokenizer, Limits{});
  const auto mask = compiler.compile(GrammarConstraint{"root ::= \"ab\" \"cd\""});
  ASSERT_TRUE(mask.ok());
  (*mask)->accept('a');
  const auto copy = (*mask)->clone();
  (*mask)->accept('b');
  EXPECT_TRUE(copy->allows('b'));
  EXPECT_FALSE(copy->allows('c'));
  EXPECT_TRUE((*mask)->allows('c'));
}

TEST(GrammarMask, TreatsACharacterSplitOverTokensAsOne) {
  const auto tokenizer = std::make_shared<SmallTokenizer>();
  ConstraintCompiler compiler(tokenizer, Limits{});
  const auto mask = compiler.compile(GrammarConstraint{"root ::= \"é\""});
  ASSERT_TRUE(mask.ok());
  EXPECT_TRUE((*mask)->allows(tokenizer->find("\xc3\xa9")));
  EXPECT_TRUE((*mask)->allows(0xc3));
  (*mask)->accept(0xc3);
  EXPECT_TRUE((*mask)->allows(0xa9));
  EXPECT_FALSE((*mask)->allows(0xa8));
}

std::vector<std::string> random_words(int count, std::size_t bytes) {
  SeededRandom random(5);
  std::vector<std::string> words;
  for (int i = 0; i < count; ++i) {
    words.emplace_back();
    while (words.back().size() < bytes) words.back() += static_cast<char>('a' + random.below(26));
  }
  return words;
}

TEST(GrammarMask, FailsAloneWhereTellingWhatMayFollowTakesTooMuch) {
  const auto tokenizer = std::make_shared<SmallTokenizer>(random_words(3'000, 60));
  ConstraintCompiler compiler(tokenizer, Limits{});
  const Constraint constraint = GrammarConstraint{"root ::= \"\\\"\" [a-z]* [a-m] [a-z]{1000} \"\\\"\""};
  const auto mask = compiler.compile(constraint), beside = compiler.compile(constraint);
  ASSERT_TRUE(mask.ok() && beside.ok());
  std::vector<std::uint64_t> words((static_cast<std::size_t>(tokenizer->vocabulary_size()) + 63) / 64);
  (*mask)->accept('"');
  (*beside)->accept('"');
  for (int i = 0; i < 400; ++i) (*mask)->accept(static_cast<TokenId>("az"[i % 2]));
  ASSERT_TRUE((*mask)->status().ok());
  (*mask)->fill(words);
  ASSERT_FALSE((*mask)->status().ok());
  EXPECT_EQ((*mask)->status().error().code, ErrorCode::kResourceExhausted);
  EXPECT_TRUE(std::all_of(words.begin(), words.end(), [](std::uint64_t word) { return word == 0; }));
  EXPECT_FALSE((*mask)->allows('a'));
  EXPECT_TRUE((*beside)->allows('a'));
  (*beside)->accept('a');
  EXPECT_TRUE((*beside)->status().ok());
}

TEST(GrammarMask, GoesOnWhereItsMatcherIsFull) {
  const auto tokenizer = std::make_shared<SmallTokenizer>();
  const auto trie = std::make_shared<const VocabularyTrie>(*tokenizer);
  const auto automaton = std::make_shared<const Automaton>(
      *Automaton::compile(*parse_gbnf("root ::= \"[\" (root (\",\" root)*)? \"]\" | [a-z]+"), Limits{}));
  GrammarMask mask(std::make_shared<SharedMatcher>(Matcher(automaton, 20'000), trie));
  std::vector<std::uint64_t> words((static_cast<std::size_t>(tokenizer->vocabulary_size()) + 63) / 64);
  for (const char* token : {"[[", "]]"}) {
    for (int i = 0; i < 60; ++i) {
      mask.accept(tokenizer->find(token));
      mask.fill(words);
      ASSERT_TRUE(mask.status().ok()) << mask.status().error().text();
      for (TokenId id = 0; id < tokenizer->vocabulary_size(); ++id) ASSERT_EQ(bit(words, id), mask.allows(id)) << id;
    }
  }
  EXPECT_TRUE(mask.finished());
}

TEST(GrammarMask, NeverOffersTheEndOfATextThatIsNotWhole) {
  const auto tokenizer = std::make_shared<SmallTokenizer>();
  ConstraintCompiler compiler(tokenizer, Limits{});
  const auto mask =
      compiler.compile(GrammarConstraint{"root ::= \"a\" [] | \"b\" \"c\" | \"b\" trap\ntrap ::= \"x\" trap"});
  ASSERT_TRUE(mask.ok()) << mask.error().text();
  EXPECT_FALSE((*mask)->allows('a')) << "nothing could end it";
  (*mask)->accept('b');
  EXPECT_FALSE((*mask)->allows('x'));
  EXPECT_TRUE((*mask)->allows('c'));
}

/// Has no token for the byte 'q'.
class NoQTokenizer final : public Tokenizer {
 public:
  Result<std::vector<TokenId>> encode(std::string_view, bool, bool) const override { return std::vector<TokenId>{}; }
  Result<std::string> decode_token(TokenId id, bool) const override { return std::string(id == 0 ? "a" : ""); }
  int vocabulary_size() const override { return 2; }
  bool is_control(TokenId id) const override { return id == 1; }
  TokenId beginning_of_sequence() const override { return -1; }
  TokenId end_of_sequence() const override { return 1; }
  const std::vector<TokenId>& end_of_generation() const override { return ends_; }
  TokenId find(std::string_view) const override { return -1; }

 private:
  std::vector<TokenId> ends_{1};
};

TEST(GrammarMask, FailsWhereNoTokenCanGoOn) {
  ConstraintCompiler compiler(std::make_shared<NoQTokenizer>(), Limits{});
  const auto mask = compiler.compile(GrammarConstraint{"root ::= \"a\" \"q\""});
  ASSERT_TRUE(mask.ok());
  (*mask)->accept(0);
  std::vector<std::uint64_t> words(1);
  (*mask)->fill(words);
  EXPECT_EQ(words[0], 0U);
  EXPECT_FALSE((*mask)->status().ok());
  EXPECT_FALSE((*mask)->allows(1));
}

TEST(ConstraintCompiler, GivesNoMaskForNoConstraintAndRefusesEmptyChoices) {
  ConstraintCompiler compiler(std::make_shared<SmallTokenizer>(), Limits{});
  const auto none = compiler.compile(NoConstraint{});
  ASSERT_TRUE(none.ok());
  EXPECT_EQ(none->get(), nullptr);
  EXPECT_FALSE(compiler.compile(ChoiceConstraint{}).ok());
  EXPECT_FALSE(compiler.compile(ChoiceConstraint{{""}}).ok());
}

}  // namespace
}  // namespace mnema::grammar
