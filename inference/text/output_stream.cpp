#include "inference/text/output_stream.hpp"

#include <algorithm>

#include "runtime/base/utf8.hpp"

namespace mnema {

OutputStream::OutputStream(std::shared_ptr<const Tokenizer> tokenizer, std::vector<std::string> stop,
                           OutputParser::Options parser)
    : tokenizer_(std::move(tokenizer)), stop_(std::move(stop)), parser_(std::move(parser)) {}

void OutputStream::release(std::size_t bytes, Delta& delta) {
  if (bytes == 0) return;
  // A model may put bytes together that are no character.
  parser_.push(to_utf8(std::string_view(pending_).substr(0, bytes)), delta);
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
