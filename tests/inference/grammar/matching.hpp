// tests/inference/grammar/matching.hpp
//
// Whether a text is whole under a grammar, and a tokenizer small enough to check masks by hand.
#pragma once

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <string>
#include <string_view>

#include "inference/grammar/automaton.hpp"
#include "inference/grammar/gbnf.hpp"
#include "inference/grammar/grammar_text.hpp"
#include "inference/grammar/matcher.hpp"
#include "inference/grammar/schema_grammar.hpp"
#include "inference/tokenizer/tokenizer.hpp"

namespace mnema::grammar::testing {

inline bool whole(Matcher& matcher, std::string_view text) {
  const std::optional<GrammarText> read = GrammarText(matcher.start()).with(matcher, text);
  return read && matcher.complete(read->position());
}

inline Result<std::shared_ptr<Matcher>> matcher_of(const Result<Rules>& rules) {
  if (!rules.ok()) return rules.error();
  Result<Automaton> automaton = Automaton::compile(*rules, Limits{});
  if (!automaton.ok()) return automaton.error();
  return std::make_shared<Matcher>(std::make_shared<const Automaton>(std::move(*automaton)));
}

inline Result<std::shared_ptr<Matcher>> matcher_of_gbnf(std::string_view gbnf) { return matcher_of(parse_gbnf(gbnf)); }
inline Result<std::shared_ptr<Matcher>> matcher_of_schema(std::string_view schema) {
  return matcher_of(rules_of_schema(boost::json::parse(schema)));
}

/// A schema, texts that it allows and texts that it does not.
struct SchemaCase {
  const char* schema;
  std::vector<std::string> in;
  std::vector<std::string> out;
};

inline void expect_cases(const std::vector<SchemaCase>& cases) {
  for (const SchemaCase& one : cases) {
    const auto matcher = matcher_of_schema(one.schema);
    ASSERT_TRUE(matcher.ok()) << one.schema << "\n" << matcher.error().text();
    for (const std::string& text : one.in)
      EXPECT_TRUE(whole(**matcher, text)) << one.schema << "\nshould allow " << text;
    for (const std::string& text : one.out)
      EXPECT_FALSE(whole(**matcher, text)) << one.schema << "\nshould refuse " << text;
  }
}

/// The schema is refused with a message that holds `part`.
inline void expect_refused(std::string_view schema, std::string_view part) {
  const auto result = rules_of_schema(boost::json::parse(schema));
  ASSERT_FALSE(result.ok()) << schema;
  EXPECT_NE(result.error().message.find(part), std::string::npos) << schema << "\n" << result.error().text();
}

/// All 256 single bytes, some longer tokens, then one control token that ends a turn.
class SmallTokenizer final : public Tokenizer {
 public:
  explicit SmallTokenizer(const std::vector<std::string>& more = {}) {
    for (int byte = 0; byte < 256; ++byte) texts_.emplace_back(1, static_cast<char>(byte));
    for (const char* text : {"{\"", "\": ", "\": \"",  "\",",  "\"}",      "true", "false", "null", "name",
                             "yes", "no",   "ye",      "1234", "\xc3\xa9", ", \"", "[[",    "]]",   "  ",
                             "ab",  "abc",  "a b c d", "aé",   "é<",       "\xc3", "日本",  "😀x"}) {
      texts_.emplace_back(text);
    }
    texts_.insert(texts_.end(), more.begin(), more.end());
    end_ = static_cast<TokenId>(texts_.size());
    texts_.emplace_back("<end>");
    ends_ = {end_};
  }
  Result<std::vector<TokenId>> encode(std::string_view text, bool, bool) const override {
    std::vector<TokenId> ids;
    for (const char byte : text) ids.push_back(static_cast<std::uint8_t>(byte));
    return ids;
  }
  Result<std::string> decode_token(TokenId id, bool render_special) const override {
    if (id == end_ && !render_special) return std::string();
    return texts_[static_cast<std::size_t>(id)];
  }
  int vocabulary_size() const override { return static_cast<int>(texts_.size()); }
  bool is_control(TokenId id) const override { return id == end_; }
  TokenId beginning_of_sequence() const override { return -1; }
  TokenId end_of_sequence() const override { return end_; }
  const std::vector<TokenId>& end_of_generation() const override { return ends_; }
  TokenId find(std::string_view text) const override {
    for (std::size_t i = 0; i < texts_.size(); ++i) {
      if (texts_[i] == text) return static_cast<TokenId>(i);
    }
    return -1;
  }

 private:
  std::vector<std::string> texts_;
  std::vector<TokenId> ends_;
  TokenId end_ = -1;
};

}  // namespace mnema::grammar::testing
