#include "agents/turn/context_builder.hpp"

#include <algorithm>
#include <iterator>
#include <optional>

#include "agents/turn/segment_places.hpp"

namespace mnema {
namespace {

/// History is dropped in blocks of this many messages (four exchanges): the prefix then breaks once in four turns
/// instead of at every turn.
constexpr std::size_t kHistoryBlock = 8;

std::string passage_block(int number, const Passage& passage) {
  return "[" + std::to_string(number) + "] " + passage.title + "\n" + passage.text + "\n\n";
}

/// The fixed parts, and the chosen ones of the variable parts, in their order.
class Layout {
 public:
  Layout(const PromptPlan& plan, const std::vector<ToolDefinition>& tools) : plan_(plan), tools_(tools) {}

  std::size_t history_from = 0;    // first message kept
  std::size_t passages_taken = 0;  // of `passages`
  std::vector<Passage> passages;   // those that may go in, best first
  bool with_procedure = true;
  bool with_blocks = true;

  [[nodiscard]] bool has_procedure() const { return with_procedure && !plan_.procedure_text().text.empty(); }
  [[nodiscard]] bool has_blocks() const { return with_blocks && !plan_.blocks_text().text.empty(); }

  [[nodiscard]] Prompt prompt() const {
    Prompt prompt;
    prompt.tools = tools_;
    add_system(prompt);
    for (std::size_t i = history_from; i < plan_.past().size(); ++i) prompt.messages.push_back(plan_.past()[i]);
    prompt.messages.push_back(event());
    add_known(prompt);
    return prompt;
  }

  /// The event, with the passages it is to be answered from and how such a task was done.
  [[nodiscard]] Message event() const {
    Message message;
    message.role = Role::kUser;
    if (passages_taken > 0) {
      Segment recall{plan_.heading() + "\n\n", Sharing::kUser, Trust::kSystem, "recall"};
      for (std::size_t i = 0; i < passages_taken; ++i) {
        recall.text += passage_block(static_cast<int>(i) + 1, passages[i]);
        recall.trust = weakest(recall.trust, passages[i].trust);
      }
      message.content.push_back(std::move(recall));
    }
    if (has_procedure()) {
      const PlannedText& done = plan_.procedure_text();
      message.content.push_back(
          {done.text + "\n\n", Sharing::kUser, plan_.trust_of(done, Trust::kOperator), "procedure"});
    }
    message.content.push_back({plan_.user_text(), Sharing::kUser, plan_.user_trust(), "event"});
    if (passages_taken > 0 && !plan_.answer_kind().empty()) {
      message.content.push_back({"\n\n" + plan_.answer_kind(), Sharing::kUser,
                                 plan_.trust_of({plan_.answer_kind(), {}}, Trust::kOperator), "answer kind"});
    }
    return message;
  }

 private:
  void add_system(Prompt& prompt) const {
    if (plan_.system_text().text.empty() && plan_.documents().empty()) return;
    Message message;
    message.role = Role::kSystem;
    if (!plan_.system_text().text.empty()) {
      message.content.push_back(
          {plan_.system_text().text, Sharing::kPublic, plan_.trust_of(plan_.system_text(), Trust::kSystem), "system"});
    }
    for (const auto& [title, words] : plan_.documents()) {
      message.content.push_back({"\n\n# " + title + "\n" + words.text, Sharing::kPublic,
                                 plan_.trust_of(words, Trust::kOperator), "document " + title});
    }
    prompt.messages.push_back(std::move(message));
  }

  /// Long-lived text opens the first user message: most templates demand that user and assistant alternate.
  void add_known(Prompt& prompt) const {
    std::vector<Segment> known;
    for (const PlannedText& part : plan_.known_texts()) {
      if (part.text.empty()) continue;
      known.push_back({part.text + "\n\n", Sharing::kUser, plan_.trust_of(part, Trust::kOperator), "known"});
    }
    if (has_blocks()) {
      const PlannedText& blocks = plan_.blocks_text();
      known.push_back({blocks.text + "\n\n", Sharing::kUser, plan_.trust_of(blocks, Trust::kOperator), "blocks"});
    }
    for (Message& message : prompt.messages) {
      if (message.role != Role::kUser) continue;
      message.content.insert(message.content.begin(), known.begin(), known.end());
      return;
    }
  }

  const PromptPlan& plan_;
  const std::vector<ToolDefinition>& tools_;
};

/// More bytes than this a token has only in texts that nobody wrote. A history above it is cut before it is counted, so
/// that a client who sends megabytes of it costs no minutes of tokenizing.
constexpr std::size_t kBytesPerTokenMax = 16;

/// The next place from `from` on where the history may begin: a user message, so that the roles alternate.
std::size_t next_user_message(const std::vector<Message>& history, std::size_t from) {
  while (from < history.size() && history[from].role != Role::kUser) ++from;
  return from;
}

/// Where the history may begin, the whole of it first: after blocks of messages, and once less than one block is left,
/// after every exchange. The end is always among them.
std::vector<std::size_t> possible_cuts(const std::vector<Message>& history) {
  std::vector<std::size_t> cuts{0};
  while (cuts.back() < history.size()) {
    const std::size_t step = history.size() - cuts.back() <= kHistoryBlock ? 2 : kHistoryBlock;
    cuts.push_back(next_user_message(history, cuts.back() + step));
  }
  cuts.back() = history.size();
  return cuts;
}

/// How much of the history, from its end, can be within `tokens_max` at all.
std::size_t first_within_bytes(const std::vector<Message>& history, int tokens_max) {
  std::size_t left = static_cast<std::size_t>(std::max(tokens_max, 0)) * kBytesPerTokenMax;
  std::size_t first = history.size();
  while (first > 0) {
    std::size_t bytes = 0;
    for (const Segment& segment : history[first - 1].content) bytes += segment.text.size();
    if (bytes > left) break;
    left -= bytes;
    --first;
  }
  return first;
}

Trust weakest_in(const Prompt& prompt) {
  Trust trust = Trust::kSystem;
  for (const Message& message : prompt.messages) {
    for (const Segment& segment : message.content) trust = weakest(trust, segment.trust);
  }
  return trust;
}

std::string count_phrase(std::size_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

bool is_long_lived(const std::string& label) { return label == "known" || label == "blocks"; }

/// Tokens of a laid-out prompt's parts. Those that the template changed are not found in it and count to what follows.
class PartTokens {
 public:
  PartTokens(const PromptPlan& plan, const Layout& layout, const Prompt& prompt, const PreparedPrompt& prepared)
      : plan_(plan), layout_(layout), prepared_(prepared), first_(prompt.messages.size() - 1 - history_size()) {
    ends_.assign(prompt.messages.size(), 0);
    std::optional<SegmentPlace> known;  // the first
    for (const SegmentPlace& place : segment_places(prompt, prepared.text)) {
      ends_[place.message] = prepared.tokens_within(place.end);
      const std::string& label = prompt.messages[place.message].content[place.segment].label;
      if (place.message + 1 == prompt.messages.size() && label == "recall") recall_ = place;
      if (place.message + 1 == prompt.messages.size() && label == "event") event_ = place;
      if (is_long_lived(label) && place.message != prompt.messages.size() - 1) {
        if (!known) known = place;
        known_ = between(known->begin, place.end);  // with what stands between several
      }
    }
    for (std::size_t i = 1; i < ends_.size(); ++i) ends_[i] = std::max(ends_[i], ends_[i - 1]);
  }

  /// Of the past from message `cut` on.
  [[nodiscard]] int history(std::size_t cut) const {
    if (history_size() == 0 || cut >= plan_.past().size()) return 0;
    const std::size_t first = first_ + (cut - layout_.history_from);
    const int before = first == 0 ? 0 : ends_[first - 1];
    const int own = ends_[first_ + history_size() - 1] - before;
    return own - (cut == layout_.history_from ? std::min(known_, own) : 0);
  }

  [[nodiscard]] int passage(std::size_t index) const {
    std::size_t begin = plan_.heading().size() + 2;
    for (std::size_t i = 0; i < index; ++i) begin += block_bytes(i);
    const std::size_t end = begin + block_bytes(index);
    if (recall_) return between(recall_->begin + begin, recall_->begin + end);
    return static_cast<int>(block_bytes(index));  // a token has a byte at least
  }

  /// Of what stands before the first passage, if there is one.
  [[nodiscard]] int heading() const {
    return recall_ ? between(recall_->begin, recall_->begin + plan_.heading().size() + 2) : 0;
  }

  /// Of the event and what is wanted of the answer: computed anew in every turn.
  [[nodiscard]] int event() const { return event_ ? between(event_->begin, prepared_.text.size()) : 0; }

  /// Of what is always there.
  [[nodiscard]] int base() const {
    const int recall = recall_ ? between(recall_->begin, recall_->end) : 0;
    return prepared_.size() - history(layout_.history_from) - recall;
  }

 private:
  [[nodiscard]] std::size_t history_size() const { return plan_.past().size() - layout_.history_from; }
  [[nodiscard]] int between(std::size_t begin, std::size_t end) const {
    return prepared_.tokens_within(end) - prepared_.tokens_within(begin);
  }
  [[nodiscard]] std::size_t block_bytes(std::size_t index) const {
    return passage_block(static_cast<int>(index) + 1, layout_.passages[index]).size();
  }

  const PromptPlan& plan_;
  const Layout& layout_;
  const PreparedPrompt& prepared_;
  const std::size_t first_;  // message of the prompt that the history begins with
  std::vector<int> ends_;    // tokens up to the end of each message
  std::optional<SegmentPlace> recall_;
  std::optional<SegmentPlace> event_;
  int known_ = 0;  // tokens of long-lived text that stands in the history's first message
};

/// Lays out as much as fits, and remembers why the rest does not.
class ContextLayout {
 public:
  ContextLayout(const PromptPlan& plan, const std::vector<ToolDefinition>& tools, const ContextBudget& budget,
                Engine& engine, const std::string& model, const Scope& scope)
      : plan_(plan),
        budget_(budget),
        engine_(engine),
        model_(model),
        scope_(scope),
        tokens_max_(budget.context_tokens - budget.answer_tokens),
        layout_(plan, tools) {}

  Result<BuiltContext> build() {
    cuts_ = possible_cuts(plan_.past());
    const std::size_t countable = first_within_bytes(plan_.past(), tokens_max_);
    cuts_.erase(cuts_.begin(), std::lower_bound(cuts_.begin(), cuts_.end(), countable));
    layout_.history_from = cuts_.front();
    layout_.passages = plan_.passages();
    layout_.passages_taken = layout_.passages.size();
    RETURN_IF_ERROR(prepare());
    if (drop_what_is_over_budget()) RETURN_IF_ERROR(prepare());
    // The parts were counted in another whole; what is left may differ by a few tokens at the seams.
    while (built_.prompt_tokens > tokens_max_) {
      if (!drop_one_more()) return too_long();
      RETURN_IF_ERROR(prepare());
    }
    finish();
    return std::move(built_);
  }

 private:
  Status prepare() {
    built_.prompt = layout_.prompt();
    ASSIGN_OR_RETURN(built_.prepared, engine_.prepare(model_, built_.prompt, scope_));
    built_.prompt_tokens = built_.prepared->size();
    return {};
  }

  /// False: everything may stay.
  bool drop_what_is_over_budget() {
    const PartTokens parts(plan_, layout_, built_.prompt, *built_.prepared);
    const int tokens_left = tokens_max_ - parts.base();
    // History may take three quarters of what is left, so that recall is never starved by a long talk.
    history_tokens_max_ = plan_.passages().empty() ? tokens_left : tokens_left / 4 * 3;
    const auto cut = std::find_if(cuts_.begin(), std::prev(cuts_.end()),
                                  [&](std::size_t at) { return parts.history(at) <= history_tokens_max_; });
    const bool same_history = cut == cuts_.begin();
    const int history_tokens = parts.history(*cut);
    const bool same_passages = choose_passages(parts, tokens_left - history_tokens - parts.heading());
    layout_.history_from = *cut;
    cuts_.erase(cuts_.begin(), cut);
    return !same_history || !same_passages;
  }

  /// Of the passages, best first, those that fit. True: all of them.
  bool choose_passages(const PartTokens& parts, int tokens_left) {
    tokens_left = std::min(tokens_left, budget_.passage_tokens_max);
    const double rate = engine_.prefill_tokens_per_second(model_);
    if (budget_.prefill_ms_max > 0 && rate > 0) {
      const int in_time = static_cast<int>(rate * budget_.prefill_ms_max / 1000.0) - parts.event() - parts.heading();
      // The best one goes in, late or not: without it there is nothing to answer from.
      const int best = layout_.passages.empty() ? 0 : parts.passage(0);
      tokens_left = std::min(tokens_left, std::max(in_time, best));
    }
    std::vector<Passage> fitting;
    for (std::size_t i = 0; i < layout_.passages.size(); ++i) {
      const int tokens = parts.passage(i);
      if (tokens > tokens_left) {
        built_.left_out.push_back({layout_.passages[i].title, "needs " + std::to_string(tokens) + " tokens, " +
                                                                  std::to_string(std::max(0, tokens_left)) +
                                                                  " are left for passages"});
        continue;
      }
      tokens_left -= tokens;
      fitting.push_back(layout_.passages[i]);
    }
    const bool all = fitting.size() == layout_.passages.size();
    layout_.passages = std::move(fitting);
    layout_.passages_taken = layout_.passages.size();
    return all;
  }

  /// The worst passage; then half of the places where the history could still begin; then how it was done before, and
  /// the blocks. False: there is nothing left.
  bool drop_one_more() {
    if (layout_.passages_taken > 0) {
      const Passage& last = layout_.passages[--layout_.passages_taken];
      built_.left_out.push_back(
          {last.title, "the whole prompt would be longer than " + std::to_string(tokens_max_) + " tokens"});
      return true;
    }
    if (cuts_.size() >= 2) {
      cuts_.erase(cuts_.begin(), cuts_.begin() + static_cast<std::ptrdiff_t>(cuts_.size() / 2));
      layout_.history_from = cuts_.front();
      return true;
    }
    bool& with = layout_.has_procedure() ? layout_.with_procedure : layout_.with_blocks;
    if (!layout_.has_procedure() && !layout_.has_blocks()) return false;
    built_.left_out.push_back({layout_.has_procedure() ? "how such a task was done" : "the blocks of working memory",
                               "the whole prompt would be longer than " + std::to_string(tokens_max_) + " tokens"});
    with = false;
    return true;
  }

  [[nodiscard]] Error too_long() const {
    return fail(ErrorCode::kContextLengthExceeded,
                "the request needs " + std::to_string(built_.prompt_tokens) +
                    " tokens without any history or recalled text; model '" + model_ + "' takes " +
                    std::to_string(budget_.context_tokens) + ", of which " + std::to_string(budget_.answer_tokens) +
                    " are kept for the answer",
                "send a shorter text, or choose a model with a longer context");
  }

  void finish() {
    if (layout_.history_from > 0) {
      built_.left_out.insert(
          built_.left_out.begin(),
          {"the " + count_phrase(layout_.history_from, "oldest message"),
           "the history would take more than " + std::to_string(std::max(0, history_tokens_max_)) + " tokens"});
    }
    for (std::size_t i = 0; i < layout_.passages_taken; ++i) {
      const Passage& passage = layout_.passages[i];
      built_.citations.push_back(
          {static_cast<int>(i) + 1, passage.title, passage.uri, passage.relevance, passage.text});
    }
    built_.has_procedure = layout_.has_procedure();
    built_.facts = plan_.facts();
    if (plan_.facts_left_out() > 0) {
      built_.left_out.push_back({count_phrase(static_cast<std::size_t>(plan_.facts_left_out()), "fact"),
                                 "others fit the question better, and facts have a bound"});
    }
    built_.question = layout_.event();
    built_.trust = weakest_in(built_.prompt);
  }

  const PromptPlan& plan_;
  const ContextBudget& budget_;
  Engine& engine_;
  const std::string& model_;
  const Scope& scope_;
  const int tokens_max_;
  Layout layout_;
  std::vector<std::size_t> cuts_;  // where the history may begin from here on; the first is where it does
  int history_tokens_max_ = 0;
  BuiltContext built_;
};

}  // namespace

Result<BuiltContext> build_context(const PromptPlan& plan, const std::vector<ToolDefinition>& tools,
                                   const ContextBudget& budget, Engine& engine, const std::string& model,
                                   const Scope& scope) {
  return ContextLayout(plan, tools, budget, engine, model, scope).build();
}

}  // namespace mnema
