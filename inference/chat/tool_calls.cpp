#include "inference/chat/tool_calls.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

namespace mnema {
namespace {

constexpr std::string_view kThink = "<think>", kThinkEnd = "</think>";
constexpr std::string_view kCall = "<tool_call>", kCallEnd = "</tool_call>";
constexpr std::string_view kBlanks = " \t\r\n";

/// Bytes at the end of `text` that could become `tag`.
std::size_t beginning_of(std::string_view tag, std::string_view text) {
  for (std::size_t length = std::min(tag.size() - 1, text.size()); length > 0; --length) {
    if (text.ends_with(tag.substr(0, length))) return length;
  }
  return 0;
}

/// Where the value of `"key":` begins in `body`, or npos while it is not there.
std::size_t value_of_key(std::string_view body, std::string_view key) {
  const std::string quoted = "\"" + std::string(key) + "\"";
  std::size_t at = body.find(quoted);
  if (at == std::string_view::npos) return at;
  at = body.find_first_not_of(kBlanks, at + quoted.size());
  if (at == std::string_view::npos || body[at] != ':') return std::string_view::npos;
  return body.find_first_not_of(kBlanks, at + 1);
}

}  // namespace

OutputParser::OutputParser(Options options)
    : options_(std::move(options)),
      place_(options_.begins_in_reasoning ? Place::kReasoning : Place::kText),
      skip_blanks_(options_.begins_in_reasoning) {}

void OutputParser::push(std::string_view text, Delta& delta) {
  pending_ += text;
  advance(delta, false);
}

void OutputParser::finish(Delta& delta) {
  advance(delta, true);
  if (place_ == Place::kCall) end_call(delta);
}

void OutputParser::emit(std::string_view text, Delta& delta) {
  if (skip_blanks_) {
    text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
    if (text.empty()) return;
    skip_blanks_ = false;
  }
  (place_ == Place::kReasoning ? delta.reasoning : delta.text) += text;
}

void OutputParser::advance(Delta& delta, bool final) {
  for (;;) {
    // Which tag may end the place we are in.
    std::string_view tag, other;
    if (place_ == Place::kReasoning)
      tag = kThinkEnd;
    else if (place_ == Place::kCall)
      tag = kCallEnd;
    else {
      if (options_.tool_calls) tag = kCall;
      if (options_.reasoning) (tag.empty() ? tag : other) = kThink;
    }
    std::size_t at = tag.empty() ? std::string::npos : pending_.find(tag);
    if (!other.empty()) {
      if (const std::size_t there = pending_.find(other); there < at) at = there, tag = other;
    }
    if (at == std::string::npos) {
      std::size_t held = tag.empty() || final ? 0 : beginning_of(tag, pending_);
      if (!other.empty() && !final) held = std::max(held, beginning_of(other, pending_));
      const std::string certain = pending_.substr(0, pending_.size() - held);
      pending_.erase(0, certain.size());
      if (place_ == Place::kCall) {
        body_ += certain;
        read_call(delta);
      } else {
        emit(certain, delta);
      }
      return;
    }
    const std::string before = pending_.substr(0, at);
    pending_.erase(0, at + tag.size());
    if (place_ == Place::kCall) {
      body_ += before;
      read_call(delta);
      end_call(delta);
      continue;
    }
    emit(before, delta);
    skip_blanks_ = true;
    if (tag == kCall) {
      place_ = Place::kCall;
      body_.clear(), name_.clear();
      announced_ = arguments_done_ = in_string_ = escaped_ = false;
      arguments_begin_ = scanned_ = 0;
      depth_ = 0;
    } else {
      place_ = tag == kThink ? Place::kReasoning : Place::kText;
    }
  }
}

void OutputParser::read_call(Delta& delta) {
  if (name_.empty()) {
    const std::size_t begin = value_of_key(body_, "name");
    if (begin == std::string::npos || body_[begin] != '"') return;
    const std::size_t end = body_.find('"', begin + 1);
    if (end == std::string::npos) return;
    name_ = body_.substr(begin + 1, end - begin - 1);
  }
  if (arguments_begin_ == 0) {
    const std::size_t begin = value_of_key(body_, "arguments");
    if (begin == std::string::npos || body_[begin] != '{') return;
    arguments_begin_ = begin;
  }
  const std::string_view arguments = std::string_view(body_).substr(arguments_begin_);
  const std::size_t begin = scanned_;
  while (!arguments_done_ && scanned_ < arguments.size()) {
    const char c = arguments[scanned_++];
    if (escaped_)
      escaped_ = false;
    else if (in_string_ && c == '\\')
      escaped_ = true;
    else if (c == '"')
      in_string_ = !in_string_;
    else if (!in_string_ && (c == '{' || c == '['))
      ++depth_;
    else if (!in_string_ && (c == '}' || c == ']'))
      arguments_done_ = --depth_ == 0;
  }
  if (scanned_ == begin) return;
  ToolCallDelta piece;
  piece.index = static_cast<int>(calls_.size());
  if (!announced_) {
    piece.id = options_.call_id_prefix + std::to_string(piece.index);
    piece.name = name_;
    announced_ = true;
  }
  piece.arguments = arguments.substr(begin, scanned_ - begin);
  delta.tool_calls.push_back(std::move(piece));
}

void OutputParser::end_call(Delta& delta) {
  place_ = Place::kText;
  skip_blanks_ = true;
  if (!announced_) {  // no arguments came: a call without any, or no call at all
    boost::system::error_code error;
    const boost::json::value parsed = boost::json::parse(body_, error);
    if (error || !parsed.is_object() || name_.empty()) {
      skip_blanks_ = false;
      emit(std::string(kCall) + body_ + std::string(kCallEnd), delta);
      return;
    }
    const int index = static_cast<int>(calls_.size());
    delta.tool_calls.push_back({index, options_.call_id_prefix + std::to_string(index), name_, "{}"});
    calls_.push_back({options_.call_id_prefix + std::to_string(index), name_, "{}"});
    return;
  }
  calls_.push_back(
      {options_.call_id_prefix + std::to_string(calls_.size()), name_, body_.substr(arguments_begin_, scanned_)});
}

}  // namespace mnema
