#include "inference/grammar/character_nfa.hpp"

#include <algorithm>
#include <unordered_map>

#include "runtime/base/pattern_syntax.hpp"

namespace mnema::grammar {
namespace {

constexpr std::int64_t kWorkPerState = 64;

std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

struct Subset {
  std::vector<int> kernel;  // sorted; before what reads no character has been followed
  bool at_begin = false;
  bool after_word = false;
  bool operator==(const Subset&) const = default;
};
struct HashSubset {
  std::size_t operator()(const Subset& subset) const {
    std::size_t hash = subset.kernel.size() * 4 + subset.at_begin * 2U + subset.after_word;
    for (const int state : subset.kernel) hash = (hash ^ index(state)) * 0x9e3779b97f4a7c15ULL + (hash >> 29);
    return hash;
  }
};

class Construction {
 public:
  Construction(const CharacterNfa& nfa, std::size_t states_max)
      : nfa_(nfa), states_max_(states_max), seen_(nfa.states.size(), 0) {}

  std::optional<CharacterAutomaton> run(int start) {
    std::vector<CodePointRanges> sets = nfa_.sets;
    if (nfa_.has_boundaries) sets.push_back(word_characters());
    made_.classes = partition(sets, members_);
    const std::size_t width = made_.classes.size();
    std::vector<bool> is_word(width, false);
    if (nfa_.has_boundaries) {
      for (const int c : members_.back()) is_word[index(c)] = true;
    }
    state_of({{start}, true, false});
    std::int64_t work_left = kWorkPerState * static_cast<std::int64_t>(states_max_);
    std::vector<std::vector<int>> after(width);
    for (std::size_t at = 0; at < subsets_.size(); ++at) {
      if (subsets_.size() > states_max_ || work_left < 0) return std::nullopt;
      const Subset subset = *subsets_[at];
      close(subset, Next::kEnd);
      made_.accepting.push_back(accepts_);
      work_left -= static_cast<std::int64_t>(closed_.size()) + 1;
      for (std::vector<int>& targets : after) targets.clear();
      bool all[2] = {false, false};  // [a word character comes]: whatever follows is accepted
      for (const bool word : {false, true}) {
        if (word && !nfa_.has_boundaries) break;
        close(subset, word ? Next::kWord : Next::kOther);
        all[word] = accepts_;
        work_left -= static_cast<std::int64_t>(closed_.size());
        for (const int state : closed_) {
          const CharacterNfa::State& from = nfa_.states[index(state)];
          for (const int c : members_[index(from.other)]) {
            if (!nfa_.has_boundaries || is_word[index(c)] == word) after[index(c)].push_back(from.next);
          }
          work_left -= static_cast<std::int64_t>(members_[index(from.other)].size()) / 8;
        }
      }
      for (std::size_t c = 0; c < width; ++c) {
        std::vector<int>& targets = after[c];
        if (all[is_word[c]]) {
          made_.next.push_back(state_of({{accept_all_}, false, false}));
          continue;
        }
        if (targets.empty()) {
          made_.next.push_back(-1);
          continue;
        }
        std::sort(targets.begin(), targets.end());
        targets.erase(std::unique(targets.begin(), targets.end()), targets.end());
        made_.next.push_back(state_of({targets, false, is_word[c]}));
      }
    }
    return trimmed(std::move(made_));
  }

 private:
  enum class Next { kEnd, kWord, kOther };

  std::int32_t state_of(Subset subset) {
    const auto [place, fresh] = known_.try_emplace(std::move(subset), static_cast<std::int32_t>(subsets_.size()));
    if (fresh) subsets_.push_back(&place->first);
    return place->second;
  }

  /// Fills in `closed_` and `accepts_`: where the subset stands if `next` comes, and whether all that follows then is
  /// accepted.
  void close(const Subset& subset, Next next) {
    using Kind = CharacterNfa::StateKind;
    closed_.clear();
    accepts_ = false;
    ++round_;
    work_.assign(subset.kernel.begin(), subset.kernel.end());
    const bool boundary = subset.after_word != (next == Next::kWord);
    while (!work_.empty()) {
      const int state = work_.back();
      work_.pop_back();
      if (state < 0 || seen_[index(state)] == round_) continue;
      seen_[index(state)] = round_;
      const CharacterNfa::State& at = nfa_.states[index(state)];
      switch (at.kind) {
        case Kind::kCharacters:
          closed_.push_back(state);
          break;
        case Kind::kSplit:
          work_.push_back(at.other);
          work_.push_back(at.next);
          break;
        case Kind::kBegin:
          if (subset.at_begin) work_.push_back(at.next);
          break;
        case Kind::kEnd:
          if (next == Next::kEnd) work_.push_back(at.next);
          break;
        case Kind::kBoundary:
          if (boundary) work_.push_back(at.next);
          break;
        case Kind::kNoBoundary:
          if (!boundary) work_.push_back(at.next);
          break;
        case Kind::kAccept:
          accepts_ = accepts_ || next == Next::kEnd;
          break;
        case Kind::kAcceptAll:
          accepts_ = true;
          accept_all_ = state;
          break;
      }
    }
  }

  const CharacterNfa& nfa_;
  const std::size_t states_max_;
  CharacterAutomaton made_;
  std::vector<std::vector<int>> members_;
  std::unordered_map<Subset, std::int32_t, HashSubset> known_;
  std::vector<const Subset*> subsets_;
  std::vector<int> seen_;
  std::vector<int> work_;
  std::vector<int> closed_;
  int round_ = 0;
  int accept_all_ = -1;
  bool accepts_ = false;
};

}  // namespace

int CharacterNfa::add(StateKind kind, int next, int other) {
  states.push_back({kind, next, other});
  has_boundaries = has_boundaries || kind == StateKind::kBoundary || kind == StateKind::kNoBoundary;
  return static_cast<int>(states.size()) - 1;
}

int CharacterNfa::characters(CodePointRanges set, int next) {
  for (std::size_t i = 0; i < sets.size(); ++i) {
    if (sets[i] == set) return add(StateKind::kCharacters, next, static_cast<int>(i));
  }
  sets.push_back(std::move(set));
  return add(StateKind::kCharacters, next, static_cast<int>(sets.size()) - 1);
}

std::optional<CharacterAutomaton> determinised(const CharacterNfa& nfa, int start, std::size_t states_max) {
  return Construction(nfa, states_max).run(start);
}

}  // namespace mnema::grammar
