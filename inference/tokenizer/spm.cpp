#include "inference/tokenizer/spm.hpp"

#include <fmt/format.h>

#include <queue>

#include "runtime/base/utf8.hpp"

namespace mnema {
namespace {

constexpr std::string_view kBlank = "\xe2\x96\x81";  // U+2581

std::string with_visible_blanks(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 4);
  for (const char c : text) {
    if (c == ' ')
      out += kBlank;
    else
      out += c;
  }
  return out;
}

/// A run of characters, in a list that shrinks as neighbours merge. Empty once it has been merged away.
struct Part {
  std::size_t begin;
  std::size_t length;
  int previous;
  int next;
};

/// Two neighbours whose joined text is a token; stale once either has changed.
struct Candidate {
  float score;
  int left;
  int right;
  std::size_t length;
  bool operator<(const Candidate& other) const {  // the queue gives the greatest first
    return score != other.score ? score < other.score : left > other.left;
  }
};

}  // namespace

SpmTokenizer::SpmTokenizer(Vocabulary vocabulary) : vocabulary_(std::move(vocabulary)), special_(vocabulary_) {
  for (std::size_t byte = 0; byte < 256; ++byte) byte_ids_[byte] = vocabulary_.find(fmt::format("<0x{:02X}>", byte));
}

Result<std::shared_ptr<const Tokenizer>> SpmTokenizer::from_gguf(const GgufFile& file) {
  ASSIGN_OR_RETURN(Vocabulary vocabulary, Vocabulary::from_gguf(file));
  if (!file.numbers("tokenizer.ggml.scores")) {
    return fail(ErrorCode::kCorrupt, "'" + file.path() + "': tokenizer.ggml.scores is missing",
                "convert the model again");
  }
  return std::shared_ptr<const Tokenizer>(new SpmTokenizer(std::move(vocabulary)));
}

void SpmTokenizer::append_text(std::string_view text, std::vector<TokenId>& ids) const {
  std::vector<Part> parts;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = std::min(utf8_length(static_cast<unsigned char>(text[at])), text.size() - at);
    const int index = static_cast<int>(parts.size());
    parts.push_back({at, length, index - 1, index + 1});
    at += length;
  }
  if (parts.empty()) return;
  parts.back().next = -1;

  std::priority_queue<Candidate> queue;
  const auto propose = [&](int left) {
    if (left < 0) return;
    const Part& a = parts[static_cast<std::size_t>(left)];
    if (a.next < 0) return;
    const std::size_t length = a.length + parts[static_cast<std::size_t>(a.next)].length;
    const TokenId id = vocabulary_.find(text.substr(a.begin, length));
    if (id >= 0) queue.push({vocabulary_.score(id), left, a.next, length});
  };
  for (int i = 0; i + 1 < static_cast<int>(parts.size()); ++i) propose(i);
  while (!queue.empty()) {
    const Candidate best = queue.top();
    queue.pop();
    Part& left = parts[static_cast<std::size_t>(best.left)];
    Part& right = parts[static_cast<std::size_t>(best.right)];
    if (left.length == 0 || right.length == 0 || left.next != best.right || left.length + right.length != best.length)
      continue;
    left.length = best.length;
    left.next = right.next;
    right.length = 0;
    if (left.next >= 0) parts[static_cast<std::size_t>(left.next)].previous = best.left;
    propose(left.previous);
    propose(best.left);
  }
  for (int i = 0; i >= 0; i = parts[static_cast<std::size_t>(i)].next) {
    const Part& part = parts[static_cast<std::size_t>(i)];
    const std::string_view piece = text.substr(part.begin, part.length);
    if (const TokenId id = vocabulary_.find(piece); id >= 0) {
      ids.push_back(id);
      continue;
    }
    for (const char byte : piece) {
      const TokenId id = byte_ids_[static_cast<unsigned char>(byte)];
      if (id >= 0)
        ids.push_back(id);
      else if (vocabulary_.unknown >= 0)
        ids.push_back(vocabulary_.unknown);
    }
  }
}

Result<std::vector<TokenId>> SpmTokenizer::encode(std::string_view text, bool add_special, bool parse_special) const {
  return encode_pieces(nullptr, text, add_special, parse_special);
}

Result<std::vector<TokenId>> SpmTokenizer::encode_with(PieceMemo& memo, std::string_view text, bool add_special,
                                                       bool parse_special) const {
  return encode_pieces(&memo, text, add_special, parse_special);
}

Result<std::vector<TokenId>> SpmTokenizer::encode_pieces(PieceMemo* memo, std::string_view text, bool add_special,
                                                         bool parse_special) const {
  RETURN_IF_ERROR(check_utf8(text));
  std::vector<TokenId> ids;
  if (add_special && vocabulary_.add_beginning && vocabulary_.beginning >= 0) ids.push_back(vocabulary_.beginning);
  bool after_special = true;  // the beginning counts as one
  for (const TextPiece& piece : special_.split(text, parse_special)) {
    if (piece.id >= 0) {
      ids.push_back(piece.id);
    } else {
      const bool prefix = vocabulary_.add_space_prefix && after_special;
      const unsigned variant = prefix ? 1 : 0;
      if (memo == nullptr || !memo->append(piece.text, variant, ids)) {
        const std::size_t begin = ids.size();
        append_text(with_visible_blanks(prefix ? " " + std::string(piece.text) : std::string(piece.text)), ids);
        if (memo != nullptr) memo->keep(piece.text, variant, std::span(ids).subspan(begin));
      }
    }
    after_special = piece.id >= 0;
  }
  if (add_special && vocabulary_.add_end && vocabulary_.end >= 0) ids.push_back(vocabulary_.end);
  return ids;
}

Result<std::string> SpmTokenizer::decode_token(TokenId id, bool render_special) const {
  RETURN_IF_ERROR(check_id(id));
  const std::string& text = vocabulary_.text(id);
  switch (vocabulary_.kind(id)) {
    case TokenKind::kControl:
    case TokenKind::kUnknown:
      return render_special ? text : std::string();
    case TokenKind::kByte: {
      int byte = 0;
      for (std::size_t i = 3; i < 5 && i < text.size(); ++i) {
        const char c = text[i];
        byte = byte * 16 + (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
      }
      return std::string(1, static_cast<char>(byte));
    }
    default:
      break;
  }
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    if (std::string_view(text).substr(at).starts_with(kBlank)) {
      out += ' ';
      at += kBlank.size();
    } else {
      out += text[at++];
    }
  }
  return out;
}

bool SpmTokenizer::is_control(TokenId id) const {
  return vocabulary_.contains(id) && vocabulary_.kind(id) == TokenKind::kControl;
}

}  // namespace mnema
