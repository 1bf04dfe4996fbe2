#include "runtime/base/trace.hpp"

#include <algorithm>
#include <array>

#include "runtime/base/sha256.hpp"

namespace mnema {
namespace {

bool is_id(std::string_view text) {
  const bool hex =
      std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  return hex && text.find_first_not_of('0') != std::string_view::npos;
}

std::string random_id(Random& random, std::size_t bytes) {
  std::array<std::uint8_t, 16> drawn{};
  do {
    random.fill({drawn.data(), bytes});
  } while (
      std::all_of(drawn.begin(), drawn.begin() + static_cast<std::ptrdiff_t>(bytes), [](auto b) { return b == 0; }));
  return to_hex(std::string_view(reinterpret_cast<const char*>(drawn.data()), bytes));
}

}  // namespace

std::string TraceContext::traceparent() const { return "00-" + trace_id + "-" + span_id + (sampled ? "-01" : "-00"); }

TraceContext TraceContext::child(Random& random) const { return {trace_id, random_id(random, 8), sampled}; }

std::optional<TraceContext> parse_traceparent(std::string_view text) {
  // version "-" 32 hex "-" 16 hex "-" 2 hex; a later version may have more behind another "-"
  if (text.size() < 55 || text[2] != '-' || text[35] != '-' || text[52] != '-') return std::nullopt;
  const std::string_view version = text.substr(0, 2);
  if (version == "ff" || (version == "00" ? text.size() != 55 : text.size() > 55 && text[55] != '-'))
    return std::nullopt;
  const auto is_hex_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (!is_hex_digit(version[0]) || !is_hex_digit(version[1])) return std::nullopt;
  const std::string_view trace_id = text.substr(3, 32);
  const std::string_view span_id = text.substr(36, 16);
  const std::string_view flags = text.substr(53, 2);
  if (!is_id(trace_id) || !is_id(span_id) || !is_hex_digit(flags[0]) || !is_hex_digit(flags[1])) return std::nullopt;
  const int low = flags[1] <= '9' ? flags[1] - '0' : flags[1] - 'a' + 10;
  return TraceContext{std::string(trace_id), std::string(span_id), (low & 1) != 0};
}

TraceContext new_trace(Random& random) { return {random_id(random, 16), random_id(random, 8), true}; }

TraceContext continue_trace(std::string_view traceparent, Random& random) {
  const std::optional<TraceContext> parent = parse_traceparent(traceparent);
  return parent ? parent->child(random) : new_trace(random);
}

}  // namespace mnema
