#include "inference/text/output_stream.hpp"

#include <algorithm>

#include "runtime/base/utf8.hpp"

namespace mnema {

OutputStream::OutputStream(std::shared_ptr<const Tokenizer> tokenizer, std::vector<std::string> stop,
                           OutputParser::Options parser)
    : tokenizer_(std::move(tokenizer)), stop_(std::move(stop)), parser_(std::move(parser)) {}

void OutputStream::release(std::size_t bytes, Delta& delta) {
  // A model may put bytes together that are no character.
  if (bytes > 0) parser_.push(to_utf8(std::string_view(pending_).substr(0, bytes)), delta);
  pending_.erase(0, bytes);
  released_ += bytes;
  while (!waiting_.empty() && waiting_.front().end <= released_) {
    delta.logprobs.push_back(std::move(waiting_.front().logprob));
    waiting_.pop_front();
  }
}

void OutputStream::stop_at(std::size_t bytes, Delta& delta) {
  const std::uint64_t stop = released_ + bytes;
  while (!waiting_.empty() && waiting_.back().begin >= stop) waiting_.pop_back();
  if (!waiting_.empty() && waiting_.back().end > stop) {
    Waiting& last = waiting_.back();
    const auto kept = static_cast<std::size_t>(stop - last.begin);
    if (last.logprob.bytes.size() > kept) last.logprob.bytes.resize(kept);
    last.end = stop;
  }
  pending_.resize(bytes);
  release(bytes - static_cast<std::size_t>(incomplete_utf8_suffix(pending_)), delta);
  stopped_ = true;
}

bool OutputStream::push(TokenId id, std::optional<TokenLogprob> logprob, Delta& delta) {
  if (stopped_) return false;
  const Result<std::string> piece = tokenizer_->decode_token(id, false);
  const std::uint64_t begin = released_ + pending_.size();
  if (piece.ok()) pending_ += *piece;
  if (logprob) waiting_.push_back({std::move(*logprob), begin, released_ + pending_.size()});
  std::size_t first_stop = std::string::npos;
  for (const std::string& stop : stop_) first_stop = std::min(first_stop, pending_.find(stop));
  if (first_stop != std::string::npos) {
    stop_at(first_stop, delta);
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

void OutputStream::finish(Delta& delta, bool cut) {
  release(pending_.size() - static_cast<std::size_t>(incomplete_utf8_suffix(pending_)), delta);
  for (Waiting& last : waiting_) delta.logprobs.push_back(std::move(last.logprob));
  waiting_.clear();
  parser_.finish(delta, cut || stopped_);
}

}  // namespace mnema
