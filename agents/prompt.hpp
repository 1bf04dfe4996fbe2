// agents/prompt.hpp
//
// What a handler wants the model to see, before it is laid out and cut to a budget. The order in which things are
// added does not matter: agents/context_builder.hpp puts them where the prompt's prefix stays the same longest.
//
// Threads: plain value.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "inference/request.hpp"
#include "memory/record.hpp"

namespace mnema {

/// A piece of text that may support an answer, and where it is from.
struct Passage {
  std::string text;
  std::string title;     // "ARCHITECTURE.md › The way of one event"
  std::string uri;       // where a reader finds it; may be empty
  double relevance = 0;  // calibrated, 0..1
  Trust trust = Trust::kExternal;
};

class PromptPlan {
 public:
  /// `trust`: of a `user` text that does not say otherwise.
  explicit PromptPlan(Trust trust = Trust::kUser) : user_trust_(trust) {}

  /// What the agent is and how it answers. The same for everybody, so its KV pages are shared.
  PromptPlan& system(std::string text) { return system_ = std::move(text), *this; }

  /// A document that everybody may see, placed right after the system text.
  PromptPlan& document(std::string title, std::string text) {
    return documents_.push_back({std::move(text), std::move(title), {}, 1.0, Trust::kOperator}), *this;
  }

  /// Procedures and facts that change seldom. Placed before the history.
  PromptPlan& known(std::string text) { return known_ = std::move(text), *this; }

  /// What was said before, in the exact words of the prompts of that time.
  PromptPlan& history(std::vector<Message> messages) { return history_ = std::move(messages), *this; }

  /// What this turn is about. The last thing the model reads.
  PromptPlan& user(std::string text) { return user_ = std::move(text), *this; }
  PromptPlan& user(std::string text, Trust trust) { return user_ = std::move(text), user_trust_ = trust, *this; }

  /// Recalled text, best first, to stand before `user`. `heading` tells the model what it is.
  PromptPlan& with(std::vector<Passage> passages, std::string heading = kPassagesHeading) {
    return passages_ = std::move(passages), heading_ = std::move(heading), *this;
  }

  PromptPlan& with(const Recalled& recalled, std::string heading = kPassagesHeading) {
    std::vector<Passage> passages;
    for (const RecallHit& hit : recalled.hits) {
      passages.push_back({hit.text, hit.source.citation(), hit.source.uri, hit.relevance, hit.source.trust});
    }
    return with(std::move(passages), std::move(heading));
  }

  static constexpr const char* kPassagesHeading =
      "Answer from the passages below. Put the number of the passage you used in brackets, like [1], after each "
      "statement.";

  [[nodiscard]] const std::string& system_text() const { return system_; }
  [[nodiscard]] const std::vector<Passage>& documents() const { return documents_; }
  [[nodiscard]] const std::string& known_text() const { return known_; }
  [[nodiscard]] const std::vector<Message>& past() const { return history_; }
  [[nodiscard]] const std::string& user_text() const { return user_; }
  [[nodiscard]] Trust user_trust() const { return user_trust_; }
  [[nodiscard]] const std::vector<Passage>& passages() const { return passages_; }
  [[nodiscard]] const std::string& heading() const { return heading_; }

 private:
  std::string system_;
  std::vector<Passage> documents_;
  std::string known_;
  std::vector<Message> history_;
  std::string user_;
  Trust user_trust_;
  std::vector<Passage> passages_;
  std::string heading_;
};

}  // namespace mnema
