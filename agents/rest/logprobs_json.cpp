#include "agents/rest/logprobs_json.hpp"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cmath>
#include <cstdio>

#include "runtime/base/utf8.hpp"

namespace mnema {
namespace json = boost::json;
namespace {

/// JSON has no minus infinity; OpenAI writes -9999 for what is practically impossible.
double finite(float logprob) {
  return std::isfinite(logprob) ? std::max(-9999.0, static_cast<double>(logprob)) : -9999.0;
}

json::object token_object(const TokenLogprob& token) {
  json::array bytes;
  for (unsigned char c : token.bytes) bytes.emplace_back(static_cast<int>(c));
  return {{"token", to_utf8(token.bytes)}, {"logprob", finite(token.logprob)}, {"bytes", std::move(bytes)}};
}

/// The key of a token in `top_logprobs`: bytes that are no text are spelled out, so that two of them stay two.
std::string key_of(std::string_view bytes) {
  std::string text = to_utf8(bytes);
  if (text == bytes) return text;
  std::string out = "bytes:";
  for (unsigned char c : bytes) {
    std::array<char, 5> hex{};
    std::snprintf(hex.data(), hex.size(), "\\x%02x", c);
    out += hex.data();
  }
  return out;
}

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

double milliseconds(Duration duration) { return static_cast<double>(duration.count()) / 1000; }

}  // namespace

json::value chat_logprobs(const std::vector<TokenLogprob>& tokens) {
  json::array content;
  for (const TokenLogprob& token : tokens) {
    json::object object = token_object(token);
    json::array top;
    for (const TokenLogprob& other : token.top) top.push_back(token_object(other));
    object["top_logprobs"] = std::move(top);
    content.push_back(std::move(object));
  }
  return json::object{{"content", std::move(content)}, {"refusal", nullptr}};
}

json::value completion_logprobs(const std::vector<TokenLogprob>& tokens, std::size_t unscored, std::size_t offset) {
  json::array texts;
  json::array logprobs;
  json::array tops;
  json::array offsets;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const TokenLogprob& token = tokens[i];
    texts.emplace_back(key_of(token.bytes));
    offsets.emplace_back(offset);
    offset += characters(token.bytes);
    if (i < unscored) {
      logprobs.emplace_back(nullptr);
      tops.emplace_back(nullptr);
      continue;
    }
    logprobs.emplace_back(finite(token.logprob));
    json::object top;
    for (const TokenLogprob& other : token.top) top[key_of(other.bytes)] = finite(other.logprob);
    tops.emplace_back(std::move(top));
  }
  return json::object{{"tokens", std::move(texts)},
                      {"token_logprobs", std::move(logprobs)},
                      {"top_logprobs", std::move(tops)},
                      {"text_offset", std::move(offsets)}};
}

json::value usage_json(const Usage& usage) {
  return json::object{{"prompt_tokens", usage.prompt_tokens},
                      {"completion_tokens", usage.completion_tokens},
                      {"total_tokens", usage.prompt_tokens + usage.completion_tokens},
                      {"prompt_tokens_details", json::object{{"cached_tokens", usage.cached_tokens}}},
                      {"completion_tokens_details", json::object{{"reasoning_tokens", usage.reasoning_tokens}}}};
}

json::value timings_json(const Usage& usage) {
  return json::object{{"queued_ms", milliseconds(usage.queued)},
                      {"prefill_ms", milliseconds(usage.prefill)},
                      {"decode_ms", milliseconds(usage.decode)}};
}

Usage sum_of(const std::vector<Completion>& choices) {
  Usage sum;
  for (const Completion& choice : choices) {
    sum.prompt_tokens = std::max(sum.prompt_tokens, choice.usage.prompt_tokens);
    sum.cached_tokens = std::max(sum.cached_tokens, choice.usage.cached_tokens);
    sum.completion_tokens += choice.usage.completion_tokens;
    sum.reasoning_tokens += choice.usage.reasoning_tokens;
    sum.queued = std::max(sum.queued, choice.usage.queued);
    sum.prefill = std::max(sum.prefill, choice.usage.prefill);
    sum.decode = std::max(sum.decode, choice.usage.decode);
  }
  return sum;
}

}  // namespace mnema
