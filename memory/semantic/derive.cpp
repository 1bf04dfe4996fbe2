#include "memory/semantic/derive.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include "memory/semantic/predicates.hpp"

namespace mnema {
namespace {

constexpr Duration kLately = std::chrono::hours(24);
constexpr const char* kNothing = "";
constexpr const char* kSo = "+";
constexpr const char* kNotSo = "-";

int authority_of(const Claim& claim) { return 2 * static_cast<int>(claim.trust) + (claim.by_assistant ? 0 : 1); }

/// Whether `part` has no word that `whole` lacks: "volvo" is within "old volvo".
bool is_within(const std::string& part, const std::string& whole) {
  if (part == whole) return true;
  std::istringstream of_whole(whole), of_part(part);
  std::set<std::string> words;
  std::string word;
  while (of_whole >> word) words.insert(word);
  bool any = false;
  while (of_part >> word) {
    if (!words.contains(word)) return false;
    any = true;
  }
  return any;
}

/// A stretch of time in which one value holds.
struct Span {
  std::string value;
  std::string shown;
  Time from{};
  Time until = Time::max();
  Time known{};  // when all that shaped it was known
  int authority = 0;
  bool contested = false;
  bool is_dated = false;  // by any of its claims
  std::vector<const Claim*> support;
};

FactConflict::Side side_of(const Claim& claim, Time from) {
  return {claim.object, claim.kind == ClaimKind::kEnds, from, claim.trust, claim.episode};
}

class TimeLine {
 public:
  explicit TimeLine(std::vector<FactConflict>& conflicts) : conflicts_(conflicts) {}

  void hold(const Claim& claim, const std::string& value, const std::string& shown, Time from) {
    Span* const covering = at(from);
    const int authority = authority_of(claim);
    if (covering != nullptr && covering->value == value && !covering->contested) return support(*covering, claim);
    const bool is_tie = covering != nullptr && covering->from == from && covering->value != kNothing;
    // Undated, what was told later is later.
    const bool is_undecided =
        is_tie && ((claim.is_dated && covering->is_dated) || covering->support.back()->episode == claim.episode);
    if (is_undecided && covering->authority == authority) return contest(*covering, claim, value, shown);
    const bool is_news = claim.known_from - from <= kNewsAge;
    const auto gives_way = [&](const Span& span) {
      return is_news && span.from > from && span.from <= claim.known_from && !span.is_dated && span.value != value;
    };
    for (const Span& span : spans_) {
      const bool displaced = &span == covering || gives_way(span);
      if (displaced && span.value != kNothing && span.authority > authority) return deny(span, claim, from);
    }
    Time until = Time::max();
    if (covering != nullptr && !is_news) until = covering->until;
    if (is_tie) {
      std::erase_if(spans_, [&](const Span& span) { return span.from == from; });
    } else {
      cut(from, claim);
    }
    std::erase_if(spans_, gives_way);
    for (const Span& span : spans_) {
      if (span.from > from) until = std::min(until, span.from);
    }
    Span span{value, shown, from, until, claim.known_from, authority, false, claim.is_dated, {&claim}};
    spans_.insert(std::upper_bound(spans_.begin(), spans_.end(), span,
                                   [](const Span& a, const Span& b) { return a.from < b.from; }),
                  std::move(span));
  }

  /// Ends what holds at `from`, if it is `value`, or whatever it is.
  void end(const Claim& claim, const std::string& value, Time from) {
    const int authority = authority_of(claim);
    const auto is_meant = [&](const Span& span) {
      return span.value != kNothing && (value.empty() || is_within(value, span.value));
    };
    for (Span& span : spans_) {
      if (!is_meant(span) || span.until <= from) continue;
      const bool is_later = span.from >= from && (span.from > claim.known_from || span.is_dated);
      if (is_later) continue;
      if (span.authority > authority) {
        deny(span, claim, from);
        continue;
      }
      span.until = std::max(span.from, from);
      span.known = std::max(span.known, claim.known_from);
    }
    std::erase_if(spans_, [](const Span& span) { return span.from == span.until; });
  }

  /// What holds at `time`, or null.
  Span* at(Time time) {
    for (Span& span : spans_) {
      if (span.from <= time && time < span.until) return &span;
    }
    return nullptr;
  }
  [[nodiscard]] const std::vector<Span>& spans() const { return spans_; }

 private:
  void support(Span& span, const Claim& claim) {
    span.support.push_back(&claim);
    span.authority = std::max(span.authority, authority_of(claim));
    span.is_dated |= claim.is_dated;
  }
  void contest(Span& span, const Claim& claim, const std::string& value, const std::string& shown) {
    conflicts_.push_back(
        {{}, claim.subject, claim.predicate, side_of(*span.support.front(), span.from), side_of(claim, span.from)});
    span.contested = true;
    Span other{value, shown,          span.from, span.until, claim.known_from, authority_of(claim),
               true,  claim.is_dated, {&claim}};
    const auto place = spans_.begin() + (&span - spans_.data()) + 1;
    spans_.insert(place, std::move(other));
  }
  void deny(const Span& span, const Claim& claim, Time from) {
    conflicts_.push_back(
        {{}, claim.subject, claim.predicate, side_of(*span.support.front(), span.from), side_of(claim, from)});
  }
  void cut(Time from, const Claim& claim) {
    for (Span& span : spans_) {
      if (span.from >= from || span.until <= from) continue;
      span.until = from;
      span.known = std::max(span.known, claim.known_from);
    }
  }

  std::vector<FactConflict>& conflicts_;
  std::vector<Span> spans_;  // by `from`; only contested ones overlap
};

Fact fact_of(const Claim& claim) {
  Fact fact;
  fact.subject = claim.subject;
  fact.predicate = claim.predicate;
  return fact;
}

Fact fact_of(const Span& span, bool negated) {
  Fact fact = fact_of(*span.support.front());
  fact.object = span.shown;
  fact.negated = negated;
  fact.contested = span.contested;
  fact.valid_from = span.from;
  if (span.until != Time::max()) fact.valid_to = span.until;
  fact.known_from = span.known;
  fact.trust = span.support.front()->trust;
  for (const Claim* claim : span.support) {
    fact.trust = std::max(fact.trust, claim->trust);
    fact.confidence = std::max(fact.confidence, claim->confidence);
    if (!fact.evidence.empty() && fact.evidence.back() == claim->episode) continue;
    if (fact.evidence.size() == kFactEvidenceMax) fact.evidence.pop_back();
    fact.evidence.push_back(claim->episode);
  }
  return fact;
}

/// What was so once, and has no place on the time line.
Fact past_of(const Claim& claim, Time until) {
  Fact fact = fact_of(claim);
  fact.object = claim.object;
  fact.valid_to = until;
  fact.known_from = claim.known_from;
  fact.trust = claim.trust;
  fact.confidence = claim.confidence;
  fact.evidence = {claim.episode};
  return fact;
}

/// Corrections take the places of what they correct.
std::vector<Claim> corrected(std::vector<Claim> claims) {
  std::vector<Claim> kept;
  for (Claim& claim : claims) {
    if (!claim.corrects) {
      kept.push_back(std::move(claim));
      continue;
    }
    const std::string wrong = fact_key(claim.corrected);
    const std::string right = fact_key(claim.object);
    const auto is_meant = [&](const Claim& other) {
      const std::string key = fact_key(other.object);
      const bool lately = !claim.corrects_lately || claim.known_from - other.known_from <= kLately;
      return lately && other.kind == ClaimKind::kHolds && authority_of(other) <= authority_of(claim) && key != right &&
             (wrong.empty() || is_within(wrong, key) || is_within(key, wrong));
    };
    const auto place = std::find_if(kept.rbegin(), kept.rend(), is_meant);
    if (place == kept.rend()) {
      kept.push_back(std::move(claim));
      continue;
    }
    if (!claim.is_dated) {
      claim.valid_from = place->valid_from;
      claim.is_dated = place->is_dated;
    }
    *place = std::move(claim);
  }
  return kept;
}

void derive_single(const std::vector<Claim>& claims, Derived& derived) {
  TimeLine line(derived.conflicts);
  for (const Claim& claim : claims) {
    const std::string key = fact_key(claim.object);
    if (claim.kind == ClaimKind::kHolds) line.hold(claim, key, claim.object, claim.valid_from);
    if (claim.kind == ClaimKind::kEnds) line.end(claim, key, claim.valid_from);
    if (claim.kind == ClaimKind::kPast) {
      const Span* const then = line.at(claim.valid_to - Duration(1));
      if (then != nullptr && is_within(key, then->value)) {
        line.end(claim, key, claim.valid_to);
      } else {
        derived.facts.push_back(
            past_of(claim, then != nullptr ? std::min(then->from, claim.valid_to) : claim.valid_to));
      }
    }
  }
  for (const Span& span : line.spans()) derived.facts.push_back(fact_of(span, false));
}

void derive_multi(const std::vector<Claim>& claims, Derived& derived) {
  std::map<std::string, std::string> objects;  // key -> as it is shown
  for (const Claim& claim : claims) {
    if (claim.kind != ClaimKind::kEnds) objects.emplace(fact_key(claim.object), claim.object);
  }
  for (const Claim& claim : claims) {
    const std::string key = fact_key(claim.object);
    if (claim.kind != ClaimKind::kEnds || key.empty()) continue;
    const bool is_known =
        std::any_of(objects.begin(), objects.end(), [&](const auto& object) { return is_within(key, object.first); });
    if (!is_known) objects.emplace(key, claim.object);
  }
  for (const auto& [key, shown] : objects) {
    TimeLine line(derived.conflicts);
    for (const Claim& claim : claims) {
      const std::string own = fact_key(claim.object);
      if (claim.kind == ClaimKind::kHolds && own == key) line.hold(claim, kSo, shown, claim.valid_from);
      if (claim.kind == ClaimKind::kEnds && own.empty() && line.at(claim.valid_from) != nullptr) {
        line.hold(claim, kNotSo, shown, claim.valid_from);
      }
      if (claim.kind == ClaimKind::kEnds && !own.empty() && is_within(own, key)) {
        line.hold(claim, kNotSo, shown, claim.valid_from);
      }
      if (claim.kind == ClaimKind::kPast && own == key) {
        const Span* const then = line.at(claim.valid_to - Duration(1));
        if (then == nullptr) derived.facts.push_back(past_of(claim, claim.valid_to));
        line.hold(claim, kNotSo, shown, claim.valid_to);
      }
    }
    for (const Span& span : line.spans()) derived.facts.push_back(fact_of(span, span.value == kNotSo));
  }
}

/// The same belief, whatever it rests on.
bool is_same_belief(const Fact& a, const Fact& b) {
  return a.object == b.object && a.negated == b.negated && a.contested == b.contested && a.valid_from == b.valid_from &&
         a.valid_to == b.valid_to;
}

}  // namespace

Derived derive_facts(std::vector<Claim> claims, bool is_single, Time known) {
  std::erase_if(claims, [&](const Claim& claim) { return claim.known_from > known; });
  std::sort(claims.begin(), claims.end(),
            [](const Claim& a, const Claim& b) { return std::tie(a.known_from, a.id) < std::tie(b.known_from, b.id); });
  const std::vector<Claim> told = corrected(std::move(claims));
  Derived derived;
  if (is_single) {
    derive_single(told, derived);
  } else {
    derive_multi(told, derived);
  }
  std::stable_sort(derived.facts.begin(), derived.facts.end(), [](const Fact& a, const Fact& b) {
    const Time a_from = a.valid_from.value_or(Time::min()), b_from = b.valid_from.value_or(Time::min());
    return std::tie(a.object, a_from, a.valid_to) < std::tie(b.object, b_from, b.valid_to);
  });
  return derived;
}

Derived derive_facts_of_past(const std::vector<Claim>& claims, bool is_single, Time known) {
  Derived derived = derive_facts(claims, is_single, known);
  std::set<Time> later;
  for (const Claim& claim : claims) {
    if (claim.known_from > known) later.insert(claim.known_from);
  }
  for (const Time time : later) {
    const Derived then = derive_facts(claims, is_single, time);
    for (Fact& fact : derived.facts) {
      const bool still = std::any_of(then.facts.begin(), then.facts.end(),
                                     [&](const Fact& other) { return is_same_belief(fact, other); });
      if (!still && !fact.known_to) fact.known_to = time;
    }
  }
  return derived;
}

}  // namespace mnema
