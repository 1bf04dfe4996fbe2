#include "inference/grammar/vocabulary_trie.hpp"

#include <algorithm>

#include "runtime/base/utf8.hpp"

namespace mnema::grammar {
namespace {

/// Deeper tokens (a few runs of blanks or dashes) are not offered by the mask: the stack of a walk stays small.
constexpr std::size_t kTokenBytesMax = 512;
/// Tables of about 33 masks each: 620 kB for 150k tokens. Grammars rarely have more than two sets.
constexpr std::size_t kPlainMax = 12;

/// How many characters `text` has, or 0 where one is not of the set or not whole.
int characters_of(std::string_view text, const CharacterSet& characters) {
  int count = 0;
  for (std::size_t at = 0; at < text.size(); ++count) {
    const auto first = static_cast<unsigned char>(text[at]);
    if (first < 0x80 ? !characters.ascii.test(first) : !characters.others) return 0;
    at += utf8_length(first);
  }
  return is_valid_utf8(text) ? count : 0;
}

}  // namespace

VocabularyTrie::VocabularyTrie(const Tokenizer& tokenizer) : end_of_generation_(tokenizer.end_of_generation()) {
  const int vocabulary = tokenizer.vocabulary_size();
  bytes_begin_.reserve(static_cast<std::size_t>(vocabulary) + 1);
  bytes_begin_.push_back(0);
  for (TokenId token = 0; token < vocabulary; ++token) {
    if (!tokenizer.is_control(token)) {
      const Result<std::string> text = tokenizer.decode_token(token, false);
      if (text.ok() && text->size() <= kTokenBytesMax) bytes_ += *text;
    }
    bytes_begin_.push_back(static_cast<std::uint32_t>(bytes_.size()));
  }
  std::vector<std::pair<std::string_view, TokenId>> tokens;
  tokens.reserve(static_cast<std::size_t>(vocabulary));
  for (TokenId token = 0; token < vocabulary; ++token) tokens.emplace_back(bytes_of(token), token);
  all_ = TokenTrie(std::move(tokens));
}

std::string_view VocabularyTrie::bytes_of(TokenId token) const {
  const std::uint32_t begin = bytes_begin_[static_cast<std::size_t>(token)];
  return std::string_view(bytes_).substr(begin, bytes_begin_[static_cast<std::size_t>(token) + 1] - begin);
}

std::shared_ptr<const PlainTokens> VocabularyTrie::plain_tokens(const CharacterSet& characters) const {
  const std::lock_guard lock(mutex_);
  const auto known =
      std::find_if(plain_.begin(), plain_.end(), [&](const auto& table) { return table->characters == characters; });
  if (known != plain_.end()) return *known;
  if (plain_.size() >= kPlainMax) return nullptr;
  auto made = std::make_shared<PlainTokens>();
  made->characters = characters;
  const std::size_t words = (bytes_begin_.size() + 62) / 64;
  made->up_to.assign(PlainTokens::kLengthMax + 1, std::vector<std::uint64_t>(words, 0));
  std::vector<std::pair<std::string_view, TokenId>> rest;
  for (TokenId token = 0; token < vocabulary_size(); ++token) {
    const int count = characters_of(bytes_of(token), characters);
    if (count == 0 || count > PlainTokens::kLengthMax) {
      rest.emplace_back(bytes_of(token), token);
      continue;
    }
    const auto word = static_cast<std::size_t>(token) / 64;
    made->up_to[static_cast<std::size_t>(count)][word] |= std::uint64_t{1} << (static_cast<unsigned>(token) % 64);
  }
  for (std::size_t length = 1; length < made->up_to.size(); ++length) {
    for (std::size_t word = 0; word < words; ++word) made->up_to[length][word] |= made->up_to[length - 1][word];
  }
  made->rest = TokenTrie(std::move(rest));
  plain_.push_back(made);
  return made;
}

}  // namespace mnema::grammar
