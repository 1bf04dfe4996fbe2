#include "agents/context_builder.hpp"

#include <algorithm>

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

  [[nodiscard]] Prompt prompt() const {
    Prompt prompt;
    prompt.tools = tools_;
    add_system(prompt);
    for (std::size_t i = history_from; i < plan_.past().size(); ++i) prompt.messages.push_back(plan_.past()[i]);
    prompt.messages.push_back(event());
    add_known(prompt);
    return prompt;
  }

  /// The event, and the passages it is to be answered from.
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
    message.content.push_back({plan_.user_text(), Sharing::kUser, plan_.user_trust(), "event"});
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

}  // namespace

Result<BuiltContext> build_context(const PromptPlan& plan, const std::vector<ToolDefinition>& tools,
                                   const ContextBudget& budget, Engine& engine, const std::string& model) {
  BuiltContext built;
  const int prompt_tokens_max = budget.context_tokens - budget.answer_tokens;
  Layout layout(plan, tools);

  layout.history_from = plan.past().size();
  ASSIGN_OR_RETURN(const int base_tokens, engine.count_tokens(model, layout.prompt()));
  if (base_tokens > prompt_tokens_max) {
    return fail(ErrorCode::kContextLengthExceeded,
                "the request needs " + std::to_string(base_tokens) +
                    " tokens without any history or recalled text; "
                    "model '" +
                    model + "' takes " + std::to_string(budget.context_tokens) + ", of which " +
                    std::to_string(budget.answer_tokens) + " are kept for the answer",
                "send a shorter text, or choose a model with a longer context");
  }
  const int room = prompt_tokens_max - base_tokens;

  // History may take three quarters of what is left, so that recall is never starved by a long talk.
  const int history_tokens_max = plan.passages().empty() ? room : room / 4 * 3;
  int history_tokens = 0;
  if (!plan.past().empty()) {
    std::vector<std::size_t> cuts = possible_cuts(plan.past());
    const std::size_t countable = first_within_bytes(plan.past(), history_tokens_max);
    cuts.erase(cuts.begin(), std::lower_bound(cuts.begin(), cuts.end(), countable));
    // The later the cut, the fewer the tokens: the first cut that fits is found by halving. The last one, which leaves
    // nothing, fits.
    std::size_t low = 0, high = cuts.size() - 1;
    while (low < high) {
      // Mostly all of it fits, and that is counted first.
      const std::size_t middle = low == 0 && high == cuts.size() - 1 ? 0 : (low + high) / 2;
      layout.history_from = cuts[middle];
      ASSIGN_OR_RETURN(const int tokens, engine.count_tokens(model, layout.prompt()));
      if (tokens - base_tokens <= history_tokens_max) {
        high = middle;
        history_tokens = tokens - base_tokens;
      } else {
        low = middle + 1;
      }
    }
    layout.history_from = cuts[high];
    if (high == cuts.size() - 1) history_tokens = 0;
    if (layout.history_from > 0) {
      built.left_out.push_back({"the " + count_phrase(layout.history_from, "oldest message"),
                                "the history would take more than " + std::to_string(history_tokens_max) + " tokens"});
    }
  }

  int passage_tokens_left = std::min(room - history_tokens, budget.passage_tokens_max);
  const double rate = engine.prefill_tokens_per_second(model);
  if (budget.prefill_ms_max > 0 && rate > 0) {
    passage_tokens_left = std::min(passage_tokens_left, static_cast<int>(rate * budget.prefill_ms_max / 1000.0));
  }
  for (const Passage& passage : plan.passages()) {
    Prompt alone;
    alone.raw_text = passage_block(static_cast<int>(layout.passages.size()) + 1, passage);
    ASSIGN_OR_RETURN(const int tokens, engine.count_tokens(model, alone));
    if (tokens > passage_tokens_left) {
      built.left_out.push_back({passage.title, "needs " + std::to_string(tokens) + " tokens, " +
                                                   std::to_string(passage_tokens_left) + " are left for passages"});
      continue;
    }
    passage_tokens_left -= tokens;
    layout.passages.push_back(passage);
  }
  layout.passages_taken = layout.passages.size();

  // The parts were counted alone; the whole may differ by a few tokens at the seams and by the heading.
  for (;;) {
    built.prompt = layout.prompt();
    ASSIGN_OR_RETURN(built.prompt_tokens, engine.count_tokens(model, built.prompt));
    if (built.prompt_tokens <= prompt_tokens_max) break;
    CHECK(layout.passages_taken > 0, "history alone was counted and fits");
    const Passage& last = layout.passages[--layout.passages_taken];
    built.left_out.push_back(
        {last.title, "the whole prompt would be longer than " + std::to_string(prompt_tokens_max) + " tokens"});
  }
  for (std::size_t i = 0; i < layout.passages_taken; ++i) {
    const Passage& passage = layout.passages[i];
    built.citations.push_back({static_cast<int>(i) + 1, passage.title, passage.uri, passage.relevance, passage.text});
  }
  built.question = layout.event();
  built.trust = weakest_in(built.prompt);
  return built;
}

}  // namespace mnema
