// agents/outcome.hpp
//
// What a handler returns, and what a foreground chat shows.
//
// Threads: plain value.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "inference/request.hpp"

namespace mnema {

struct Outcome {
  std::string text;                      // the turn's answer; empty where there is nobody to answer
  std::vector<UrlCitation> annotations;  // what it rests on; positions are those of `text`
};

/// `co_return mnema::reply(text);`
[[nodiscard]] inline Outcome reply(std::string text) { return {std::move(text), {}}; }
[[nodiscard]] inline Outcome reply(std::string text, std::vector<UrlCitation> annotations) {
  return {std::move(text), std::move(annotations)};
}
/// The event is dealt with and nobody waits for words.
[[nodiscard]] inline Outcome done() { return {}; }

}  // namespace mnema
