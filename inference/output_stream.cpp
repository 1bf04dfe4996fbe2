#include "inference/output_stream.hpp"

#include <algorithm>

#include "runtime/utf8.hpp"

namespace mnema {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";

/// Bytes that a model put together wrongly become U+FFFD, one each.
std::string repaired(std::string_view bytes) {
  std::string out;
  while (!bytes.empty()) {
    const std::size_t valid = valid_utf8_prefix(bytes);
    out += bytes.substr(0, valid);
    bytes.remove_prefix(valid);
    if (!bytes.empty()) {
      out += kReplacement;
      bytes.remove_prefix(1);
    }
  }
  return out;
}

}  // namespace

OutputStream::OutputStream(std::shared_ptr<const Tokenizer> tokenizer, std::vector<std::string> stop,
                           OutputParser::Options parser)
    : tokenizer_(std::move(tokenizer)), stop_(std::move(stop)), parser_(std::move(parser)) {}

void OutputStream::release(std::size_t bytes, Delta& delta) {
  if (bytes == 0) return;
  parser_.push(repaired(std::string_view(pending_).substr(0, bytes)), delta);
  pending_.erase(0, bytes);
}

bool OutputStream::push(TokenId id, Delta& delta) {
  if (stopped_) return false;
  const Result<std::string> piece = tokenizer_->decode_token(id, false);
  if (piece.ok()) pending_ += *piece;
  std::size_t stop_at = std::string::npos;
  for (const std::string& stop : stop_) stop_at = std::min(stop_at, pending_.find(stop));
  if (stop_at != std::string::npos) {
    pending_.resize(stop_at);
    release(pending_.size(), delta);
    stopped_ = true;
    return false;
  }
  // Held back: what could still become a stop string or a whole character.
  std::size_t held = static_cast<std::size_t>(incomplete_utf8_suffix(pending_));
  for (const std::string& stop : stop_) {
    for (std::size_t length = std::min(stop.size() - 1, pending_.size()); length > held; --length) {
      if (std::string_view(pending_).ends_with(std::string_view(stop).substr(0, length))) held = length;
    }
  }
  std::size_t ready = pending_.size() - held;
  ready -= static_cast<std::size_t>(incomplete_utf8_suffix(std::string_view(pending_).substr(0, ready)));
  release(ready, delta);
  return true;
}

void OutputStream::finish(Delta& delta) {
  release(pending_.size(), delta);
  parser_.finish(delta);
}

}  // namespace mnema
