#include "inference/tokenizer/bpe.hpp"

#include <queue>

#include "inference/tokenizer/byte_alphabet.hpp"
#include "runtime/base/utf8.hpp"

namespace mnema {
namespace {

std::uint64_t pair_key(TokenId left, TokenId right) {
  return static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32 | static_cast<std::uint32_t>(right);
}

/// A part of a word, in a list that shrinks as neighbours merge.
struct Part {
  TokenId id;
  int previous;
  int next;
};

/// Two neighbours that could merge; stale once either has changed.
struct Candidate {
  int rank;
  int left;
  int right;
  TokenId left_id;
  TokenId right_id;
  TokenId merged;
  bool operator<(const Candidate& other) const {  // the queue gives the greatest first
    return rank != other.rank ? rank > other.rank : left > other.left;
  }
};

}  // namespace

BpeTokenizer::BpeTokenizer(Vocabulary vocabulary, PreTokenizer words)
    : vocabulary_(std::move(vocabulary)), special_(vocabulary_), words_(std::move(words)) {
  for (std::size_t byte = 0; byte < 256; ++byte) {
    byte_ids_[byte] = vocabulary_.find(character_of_byte(static_cast<unsigned char>(byte)));
  }
}

Result<std::shared_ptr<const Tokenizer>> BpeTokenizer::from_gguf(const GgufFile& file) {
  ASSIGN_OR_RETURN(Vocabulary vocabulary, Vocabulary::from_gguf(file));
  ASSIGN_OR_RETURN(PreTokenizer words, PreTokenizer::create(file.string("tokenizer.ggml.pre").value_or("gpt-2")));
  std::shared_ptr<BpeTokenizer> made(new BpeTokenizer(std::move(vocabulary), std::move(words)));
  RETURN_IF_ERROR(made->read_merges(file));
  return std::shared_ptr<const Tokenizer>(std::move(made));
}

Status BpeTokenizer::read_merges(const GgufFile& file) {
  const auto merges = file.strings("tokenizer.ggml.merges");
  if (!merges) {
    return fail(ErrorCode::kCorrupt, "'" + file.path() + "': tokenizer.ggml.merges is missing",
                "convert the model again");
  }
  merges_.reserve(merges->size());
  int rank = 0;
  for (const std::string_view merge : *merges) {
    // The first character may itself be a blank in no alphabet of ours; the separator comes after it.
    const std::size_t blank = merge.find(' ', 1);
    if (blank == std::string_view::npos) {
      return fail(ErrorCode::kCorrupt, "'" + file.path() + "': merge " + std::to_string(rank) + " is not two parts");
    }
    const std::string_view left = merge.substr(0, blank), right = merge.substr(blank + 1);
    const TokenId left_id = vocabulary_.find(left), right_id = vocabulary_.find(right);
    const TokenId merged = vocabulary_.find(std::string(left) + std::string(right));
    if (left_id >= 0 && right_id >= 0 && merged >= 0) merges_.emplace(pair_key(left_id, right_id), Merge{rank, merged});
    ++rank;
  }
  return {};
}

const BpeTokenizer::Merge* BpeTokenizer::merge_of(TokenId left, TokenId right) const {
  const auto found = merges_.find(pair_key(left, right));
  return found == merges_.end() ? nullptr : &found->second;
}

void BpeTokenizer::append_word(std::string_view word, std::vector<TokenId>& ids) const {
  if (words_.ignores_merges()) {
    if (const TokenId whole = vocabulary_.find(characters_of_bytes(word)); whole >= 0) {
      ids.push_back(whole);
      return;
    }
  }
  std::vector<Part> parts;
  parts.reserve(word.size());
  for (const char byte : word) {
    const TokenId id = byte_ids_[static_cast<unsigned char>(byte)];
    if (id < 0) continue;  // a byte that the model has no token for cannot be said
    const int index = static_cast<int>(parts.size());
    parts.push_back({id, index - 1, index + 1});
  }
  if (parts.empty()) return;
  parts.back().next = -1;

  std::priority_queue<Candidate> queue;
  const auto propose = [&](int left) {
    if (left < 0) return;
    const int right = parts[static_cast<std::size_t>(left)].next;
    if (right < 0) return;
    const TokenId a = parts[static_cast<std::size_t>(left)].id, b = parts[static_cast<std::size_t>(right)].id;
    if (const Merge* merge = merge_of(a, b)) queue.push({merge->rank, left, right, a, b, merge->merged});
  };
  for (int i = 0; i + 1 < static_cast<int>(parts.size()); ++i) propose(i);
  while (!queue.empty()) {
    const Candidate best = queue.top();
    queue.pop();
    Part& left = parts[static_cast<std::size_t>(best.left)];
    Part& right = parts[static_cast<std::size_t>(best.right)];
    if (left.id != best.left_id || right.id != best.right_id || left.next != best.right) continue;
    left.id = best.merged;
    left.next = right.next;
    right.id = -1;
    if (right.next >= 0) parts[static_cast<std::size_t>(right.next)].previous = best.left;
    propose(left.previous);
    propose(best.left);
  }
  for (int i = 0; i >= 0; i = parts[static_cast<std::size_t>(i)].next)
    ids.push_back(parts[static_cast<std::size_t>(i)].id);
}

Status BpeTokenizer::append_piece(std::string_view piece, std::vector<TokenId>& ids) const {
  ASSIGN_OR_RETURN(const std::vector<std::string_view> words, words_.words(piece));
  for (const std::string_view word : words) append_word(word, ids);
  return {};
}

Result<std::vector<TokenId>> BpeTokenizer::encode(std::string_view text, bool add_special, bool parse_special) const {
  return encode_pieces(nullptr, text, add_special, parse_special);
}

Result<std::vector<TokenId>> BpeTokenizer::encode_with(PieceMemo& memo, std::string_view text, bool add_special,
                                                       bool parse_special) const {
  return encode_pieces(&memo, text, add_special, parse_special);
}

Result<std::vector<TokenId>> BpeTokenizer::encode_pieces(PieceMemo* memo, std::string_view text, bool add_special,
                                                         bool parse_special) const {
  RETURN_IF_ERROR(check_utf8(text));
  std::vector<TokenId> ids;
  if (add_special && vocabulary_.add_beginning && vocabulary_.beginning >= 0) ids.push_back(vocabulary_.beginning);
  for (const TextPiece& piece : special_.split(text, parse_special)) {
    if (piece.id >= 0) {
      ids.push_back(piece.id);
      continue;
    }
    if (memo != nullptr && memo->append(piece.text, 0, ids)) continue;
    const std::size_t begin = ids.size();
    RETURN_IF_ERROR(append_piece(piece.text, ids));
    if (memo != nullptr) memo->keep(piece.text, 0, std::span(ids).subspan(begin));
  }
  if (add_special && vocabulary_.add_end && vocabulary_.end >= 0) ids.push_back(vocabulary_.end);
  return ids;
}

Result<std::string> BpeTokenizer::decode_token(TokenId id, bool render_special) const {
  RETURN_IF_ERROR(check_id(id));
  switch (vocabulary_.kind(id)) {
    case TokenKind::kControl:
    case TokenKind::kUnknown:
      return render_special ? vocabulary_.text(id) : std::string();
    case TokenKind::kUserDefined:
      return vocabulary_.text(id);
    default:
      return bytes_of_characters(vocabulary_.text(id));
  }
}

bool BpeTokenizer::is_control(TokenId id) const {
  return vocabulary_.contains(id) && vocabulary_.kind(id) == TokenKind::kControl;
}

}  // namespace mnema
