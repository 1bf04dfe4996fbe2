#include "agents/excerpts.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agents/turn/passage_units.hpp"
#include "memory/documents/token_estimate.hpp"
#include "memory/text_terms.hpp"

namespace mnema {
namespace {

constexpr std::size_t kTermsMax = 256;
constexpr double kHeadingShare = 0.5;  // what a term of the heading counts, beside one of the unit
constexpr double kHeaded = 0.5;        // for a unit that is headed by what is asked about
constexpr double kRankShare = 0.15;    // what memory's own order counts
constexpr double kEnough = 0.4;        // the least share of the question that narrows
/// What asks for a definition and is no part of what is asked about.
constexpr std::string_view kAskingWords = "mean means meaning define defined definition term word called explain";
constexpr std::size_t kSentencesAfter = 3;
constexpr std::size_t kSentencesBefore = 1;
constexpr double kBesideBest = 0.6;  // the least score, as a part of the best one

using Terms = std::set<std::string>;

struct Unit {
  std::size_t hit = 0;
  std::size_t place = 0;  // in its text
  PassageUnit unit;
  Terms terms;
  Terms head;
  double share = 0;  // of the question
  double score = 0;
  bool taken = false;
};

class Excerpts {
 public:
  Excerpts(Recalled recalled, std::string_view question, const ExcerptOptions& options)
      : recalled_(std::move(recalled)),
        options_(options),
        maker_(TermMaker::make("english").value()),
        asked_(terms_asked(question)) {}

  Recalled run() {
    if (!asked_.empty()) {
      read_units();
      weigh();
      if (judge()) {
        take();
        return narrowed();
      }
    }
    if (static_cast<int>(recalled_.hits.size()) > options_.hits_max) {
      recalled_.hits.resize(static_cast<std::size_t>(std::max(options_.hits_max, 0)));
    }
    return std::move(recalled_);
  }

 private:
  Terms terms_of(std::string_view text) const {
    const std::vector<std::string> list = maker_.distinct(text, kTermsMax);
    return Terms(list.begin(), list.end());
  }

  /// Without the words that only ask, unless the question has no others.
  Terms terms_asked(std::string_view question) const {
    const Terms all = terms_of(question);
    Terms asked = all;
    for (const std::string& term : terms_of(kAskingWords)) asked.erase(term);
    return asked.empty() ? all : asked;
  }

  /// The unit is headed by all that is asked about.
  bool is_headed(const Unit& unit) const { return unit.head == asked_; }

  void read_units() {
    for (std::size_t hit = 0; hit < recalled_.hits.size(); ++hit) {
      const RecallHit& found = recalled_.hits[hit];
      headings_.push_back(terms_of(found.source.title + "\n" + found.source.heading_path));
      std::size_t place = 0;
      for (PassageUnit& unit : passage_units(found.text)) {
        Terms terms = terms_of(unit.text);
        Terms head = terms_of(unit.head);
        units_.push_back({hit, place++, std::move(unit), std::move(terms), std::move(head)});
      }
    }
  }

  /// The rarer among the units, the more a term of the question says.
  void weigh() {
    for (const std::string& term : asked_) {
      const auto count =
          std::count_if(units_.begin(), units_.end(), [&](const Unit& unit) { return unit.terms.contains(term); });
      weights_[term] = std::log(1.0 + static_cast<double>(units_.size()) / (1.0 + static_cast<double>(count)));
      whole_ += weights_[term];
    }
  }

  /// False: no unit has enough of the question.
  bool judge() {
    for (Unit& unit : units_) {
      double found = 0;
      for (const auto& [term, weight] : weights_) {
        if (unit.terms.contains(term))
          found += weight;
        else if (headings_[unit.hit].contains(term))
          found += kHeadingShare * weight;
      }
      unit.share = whole_ > 0 ? found / whole_ : 0;
      unit.score = unit.share + kRankShare / (1.0 + static_cast<double>(unit.hit));
      if (is_headed(unit)) unit.score += kHeaded, headed_ = true;
    }
    order_.reserve(units_.size());
    for (Unit& unit : units_) order_.push_back(&unit);
    std::stable_sort(order_.begin(), order_.end(), [](const Unit* a, const Unit* b) { return a->score > b->score; });
    return !order_.empty() && order_.front()->share >= kEnough;
  }

  /// False: it does not fit.
  bool take(Unit& unit) {
    const std::size_t tokens = unit.taken ? 0 : tokens_in(unit.unit.text);
    if (tokens > tokens_left_ && !hits_.empty()) return false;
    tokens_left_ -= std::min(tokens, tokens_left_);
    unit.taken = true;
    if (std::find(hits_.begin(), hits_.end(), unit.hit) == hits_.end()) hits_.push_back(unit.hit);
    return true;
  }

  /// What stands around a sentence is what it goes on from: "The last of them left in May."
  void take_around(const Unit& sentence) {
    const std::size_t at = static_cast<std::size_t>(&sentence - units_.data());
    for (std::size_t next = at + 1; next <= at + kSentencesAfter && continues(next, sentence); ++next) {
      if (!take(units_[next])) break;
    }
    for (std::size_t back = 1; back <= kSentencesBefore && back <= at && continues(at - back, sentence); ++back) {
      if (!take(units_[at - back])) break;
    }
  }

  bool continues(std::size_t index, const Unit& sentence) const {
    return index < units_.size() && units_[index].hit == sentence.hit &&
           units_[index].unit.kind == PassageUnit::Kind::kSentence;
  }

  void take() {
    tokens_left_ = static_cast<std::size_t>(std::max(options_.tokens_max, 0));
    for (Unit* unit : order_) {
      if (unit->score < kBesideBest * order_.front()->score) break;
      if (headed_ && !is_headed(*unit)) continue;  // what only uses the word distracts from what defines it
      const bool is_known = std::find(hits_.begin(), hits_.end(), unit->hit) != hits_.end();
      if (!is_known && static_cast<int>(hits_.size()) >= options_.hits_max) continue;
      if (take(*unit) && unit->unit.kind == PassageUnit::Kind::kSentence) take_around(*unit);
    }
  }

  Recalled narrowed() {
    std::vector<RecallHit> hits;
    for (const std::size_t index : hits_) {
      RecallHit hit = std::move(recalled_.hits[index]);
      hit.text.clear();
      for (const Unit& unit : units_) {
        if (unit.hit != index || !unit.taken) continue;
        if (!hit.text.empty()) hit.text += unit.unit.kind == PassageUnit::Kind::kSentence ? " " : "\n";
        hit.text += unit.unit.text;
      }
      hits.push_back(std::move(hit));
    }
    recalled_.hits = std::move(hits);
    return std::move(recalled_);
  }

  Recalled recalled_;
  const ExcerptOptions options_;
  const TermMaker maker_;
  const Terms asked_;
  std::vector<Terms> headings_;  // of the hits
  std::vector<Unit> units_;
  std::map<std::string, double> weights_;
  double whole_ = 0;
  std::size_t tokens_left_ = 0;
  bool headed_ = false;            // some unit is headed by what is asked about
  std::vector<Unit*> order_;       // best first
  std::vector<std::size_t> hits_;  // those with a unit taken, in the order of their best
};

}  // namespace

Recalled excerpts(Recalled recalled, std::string_view question, const ExcerptOptions& options) {
  return Excerpts(std::move(recalled), question, options).run();
}

}  // namespace mnema
