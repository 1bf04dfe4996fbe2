// agents/prompt.hpp
//
// What a handler wants the model to see, before it is laid out and cut to a budget. The order in which things are
// added does not matter: agents/turn/context_builder.hpp puts them where the prompt's prefix stays the same longest.
//
// Threads: plain value.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "inference/request.hpp"
#include "memory/record.hpp"
#include "memory/semantic/fact.hpp"

namespace mnema {

/// A piece of text that may support an answer, and where it is from.
struct Passage {
  std::string text;
  std::string title;     // "ARCHITECTURE.md › The way of one event"
  std::string uri;       // where a reader finds it ("docs/ARCHITECTURE.md#L12-L40"); may be empty
  double relevance = 0;  // calibrated, 0..1
  Trust trust = Trust::kExternal;
};

/// Words of the agent. `trust`: how far they have come from us, where that was said; else what the turn has been given
/// decides (PromptPlan::trust_no_further_than).
struct PlannedText {
  std::string text;
  std::optional<Trust> trust;
};

/// Every text has a place, and each place a most that it is trusted: system texts like ours, documents and known text
/// like an operator's. A text that does not say its trust is taken for derived from what the turn has been given so
/// far, and counts no further than the weakest of that. A constant that is not derived may say Trust::kOperator.
class PromptPlan {
 public:
  /// `given`: the weakest that the turn has been given so far.
  explicit PromptPlan(Trust given = Trust::kUser) : given_(given) {}

  /// What the agent is and how it answers. The same for everybody, so its KV pages are shared.
  PromptPlan& system(std::string text, std::optional<Trust> trust = std::nullopt) {
    return system_ = {std::move(text), trust}, *this;
  }

  /// A document that everybody may see, placed right after the system text.
  PromptPlan& document(std::string title, std::string text, std::optional<Trust> trust = std::nullopt) {
    return documents_.push_back({std::move(title), {std::move(text), trust}}), *this;
  }

  /// Facts and rules that change seldom, placed before the history. May be called several times: each part keeps
  /// its trust, and the prompt is trusted no further than the weakest.
  PromptPlan& known(std::string text, std::optional<Trust> trust = std::nullopt) {
    return known_.push_back({std::move(text), trust}), *this;
  }
  /// What memory knows, as such a part, with the trust of where it is from.
  PromptPlan& known(const Recalled& recalled, const std::string& heading = {}) {
    if (recalled.hits.empty()) return *this;
    PlannedText part{heading, Trust::kOperator};
    for (const RecallHit& hit : recalled.hits) {
      part.text += (part.text.empty() ? "- " : "\n- ") + hit.text;
      part.trust = weakest(*part.trust, hit.source.trust);
    }
    return known_.push_back(std::move(part)), *this;
  }

  /// Facts that memory holds, as such a part, a line each in their own order: the same facts are the same bytes, so
  /// that what follows them keeps its place in the model's cache.
  PromptPlan& known(const Facts& known, const std::string& heading = kFactsHeading) {
    facts_left_out_ += known.left_out;
    if (known.facts.empty()) return *this;
    PlannedText part{heading, Trust::kOperator};
    for (const Fact& fact : known.facts) {
      part.text += (part.text.empty() ? "- " : "\n- ") + line_of(fact);
      part.trust = weakest(*part.trust, fact.trust);
      facts_.push_back(fact);
    }
    return known_.push_back(std::move(part)), *this;
  }

  /// How a task like this was done, right before `user`: what was laid out before stays the same. `Ctx::think` adds it
  /// by itself.
  PromptPlan& procedure(std::string text, Trust trust) { return procedure_ = {std::move(text), trust}, *this; }

  /// Blocks of working memory, behind all other long-lived text. `Ctx::think` adds them by itself.
  PromptPlan& blocks(std::string text, Trust trust) { return blocks_ = {std::move(text), trust}, *this; }

  /// What was said before, in the exact words of the prompts of that time.
  PromptPlan& history(std::vector<Message> messages) { return history_ = std::move(messages), *this; }

  /// What this turn is about. The last thing the model reads.
  PromptPlan& user(std::string text, std::optional<Trust> trust = std::nullopt) {
    return user_ = {std::move(text), trust}, *this;
  }
  /// The same as a question, which the model reads as one and which answers are checked against.
  PromptPlan& question(std::string text, std::optional<Trust> trust = std::nullopt) {
    question_ = std::move(text);
    return user("Question: " + question_, trust);
  }

  /// Recalled text, best first, to stand before `user`, and what kind of answer is wanted, to stand after it: a small
  /// model does what it has read last.
  PromptPlan& with(std::vector<Passage> passages) {
    return with(std::move(passages), kPassagesHeading).answer_kind(kCitedAnswer);
  }
  /// The same without a wish for citations. `heading` tells the model what the texts are.
  PromptPlan& with(std::vector<Passage> passages, std::string heading) {
    return passages_ = std::move(passages), heading_ = std::move(heading), *this;
  }
  PromptPlan& with(const Recalled& recalled) { return with(passages_of(recalled)); }
  PromptPlan& with(const Recalled& recalled, std::string heading) {
    return with(passages_of(recalled), std::move(heading));
  }

  /// What kind of answer is wanted. Stands behind `user`, and only where a passage is in the prompt.
  PromptPlan& answer_kind(std::string text) { return answer_kind_ = std::move(text), *this; }

  static constexpr const char* kFactsHeading = "What is known (the user is who writes to you):";
  static constexpr const char* kPassagesHeading = "Passages:";
  static constexpr const char* kCitedAnswer =
      "Where a passage above tells it, put the number of the passage in brackets behind the sentence, like [1].";
  /// For an agent that answers from the passages and from nothing else. It says neither how to cite nor how to refuse:
  /// a small model that reads of numbers copies titles, and one that reads of refusing refuses. Both is the check's. A
  /// model that is to copy says what stands there; one that is to answer says what it has learned elsewhere, too.
  static constexpr const char* kAnswerFromPassages =
      "Copy the part of the passages that answers the question, as one sentence.";

  struct PlannedDocument {
    std::string title;
    PlannedText words;
  };

  /// The turn has been given texts as weak as this by now.
  void trust_no_further_than(Trust given) { given_ = weakest(given_, given); }
  /// How far `text` is trusted in a place that is trusted `most`.
  [[nodiscard]] Trust trust_of(const PlannedText& text, Trust most) const {
    return text.trust.value_or(weakest(most, given_));
  }

  [[nodiscard]] const PlannedText& system_text() const { return system_; }
  [[nodiscard]] const std::vector<PlannedDocument>& documents() const { return documents_; }
  [[nodiscard]] const std::vector<PlannedText>& known_texts() const { return known_; }
  [[nodiscard]] const PlannedText& procedure_text() const { return procedure_; }
  [[nodiscard]] const PlannedText& blocks_text() const { return blocks_; }
  [[nodiscard]] const std::vector<Fact>& facts() const { return facts_; }
  [[nodiscard]] int facts_left_out() const { return facts_left_out_; }
  [[nodiscard]] const std::vector<Message>& past() const { return history_; }
  [[nodiscard]] const std::string& user_text() const { return user_.text; }
  /// What is asked: the question, else all of `user`.
  [[nodiscard]] const std::string& asked() const { return question_.empty() ? user_.text : question_; }
  [[nodiscard]] Trust user_trust() const { return trust_of(user_, given_); }
  [[nodiscard]] const std::vector<Passage>& passages() const { return passages_; }
  [[nodiscard]] const std::string& heading() const { return heading_; }
  [[nodiscard]] const std::string& answer_kind() const { return answer_kind_; }

 private:
  static std::vector<Passage> passages_of(const Recalled& recalled) {
    std::vector<Passage> passages;
    for (const RecallHit& hit : recalled.hits) {
      passages.push_back({hit.text, hit.source.citation(), hit.source.address(), hit.relevance, hit.source.trust});
    }
    return passages;
  }

  PlannedText system_;
  std::vector<PlannedDocument> documents_;
  PlannedText procedure_;
  PlannedText blocks_;
  std::vector<PlannedText> known_;
  std::vector<Fact> facts_;  // that stand in it
  int facts_left_out_ = 0;
  std::vector<Message> history_;
  PlannedText user_;
  std::string question_;
  Trust given_;
  std::vector<Passage> passages_;
  std::string heading_;
  std::string answer_kind_;
};

}  // namespace mnema
