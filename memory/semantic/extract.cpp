#include "memory/semantic/extract.hpp"

#include <algorithm>

#include "memory/semantic/matcher.hpp"
#include "memory/semantic/predicates.hpp"

namespace mnema {
namespace {

using semantic::Capture;
using semantic::Clause;
using semantic::Match;
using semantic::Output;
using semantic::Rule;
using semantic::Speaker;

constexpr double kReportedFactor = 0.65;  // of what somebody is said to have said

/// What "stopped VERBing OBJECT" ends.
std::pair<std::string, std::string> habit_of(const Capture& gerund) {
  const std::string& object = gerund.objects.front();
  const bool has_object = object != gerund.verb;
  if (gerund.verb == "smoking") return {"habit", "smoke"};
  if (gerund.verb == "vaping") return {"habit", "vape"};
  if (gerund.verb == "playing" && has_object) return {"plays", object};
  if (gerund.verb == "drinking" && has_object) return {"drinks", object};
  if (gerund.verb == "eating" && has_object) return {"eats", object};
  if (gerund.verb == "using" && has_object) return {"uses", object};
  return {"habit", has_object ? gerund.verb + " " + object : gerund.verb};
}

class Extraction {
 public:
  Extraction(const Episode& episode, const FactLimits& limits) : episode_(episode), limits_(limits) {
    by_assistant_ = episode.role == "assistant";
    if (by_assistant_) {
      speaker_.you = "user";
    } else if (episode.role == "user") {
      speaker_.me = "user";
    } else if (!episode.role.empty() && episode.role != "tool" && episode.role != "system" && episode.role != "event") {
      speaker_.me = episode.role;
    }
  }

  std::vector<Claim> run() {
    const std::string_view text =
        std::string_view(episode_.text).substr(0, static_cast<std::size_t>(limits_.text_bytes_max));
    for (const Clause& clause : semantic::clauses_of(text, episode_.time)) {
      read(clause);
      if (static_cast<int>(claims_.size()) >= limits_.claims_per_episode_max) break;
    }
    if (static_cast<int>(claims_.size()) > limits_.claims_per_episode_max) {
      claims_.resize(static_cast<std::size_t>(limits_.claims_per_episode_max));
    }
    return std::move(claims_);
  }

 private:
  void read(const Clause& clause) {
    for (const Rule& rule : semantic::rules()) {
      if (rule.needs_now && !clause.now) continue;
      const std::optional<Match> found = semantic::match(rule, clause, speaker_);
      if (!found) continue;
      claim(clause, rule, *found);
      return;
    }
  }

  void claim(const Clause& clause, const Rule& rule, const Match& match) {
    const std::string subject = match.subject.empty() ? speaker_.me : match.subject;
    if (!match.relation.empty()) {
      Claim told = claim_of(clause, rule);
      told.kind = ClaimKind::kHolds;
      told.valid_from = episode_.time;
      told.is_dated = false;
      told.corrects = false;
      told.subject = speaker_.me;
      told.predicate = match.relation;
      told.object = match.subject;
      add(std::move(told));
    }
    for (const Output& output : rule.outputs) emit(clause, rule, match, output, subject);
    speaker_.subject = subject;
    speaker_.subject_is_thing = match.subject_is_thing;
    if (match.subject_is_thing) speaker_.last_thing = subject;
    if (!match.subject_is_thing && subject != speaker_.me && subject != speaker_.you) speaker_.last_person = subject;
  }

  void emit(const Clause& clause, const Rule& rule, const Match& match, const Output& output,
            const std::string& subject) {
    Claim made = claim_of(clause, rule);
    made.subject = output.subject > 0 ? capture(match, output.subject).objects.front() : subject;
    made.predicate = output.predicate;
    std::vector<std::string> objects;
    if (!output.text.empty()) {
      objects = {std::string(output.text)};
    } else if (output.object == -1) {
      objects = {match.last_word};
    } else if (output.object == 0) {
      objects = {""};
    } else {
      objects = capture(match, output.object).objects;
    }
    if (output.predicate.empty()) {
      const Capture& kind = capture(match, 1);
      if (kind.slot == Capture::Slot::kRelation) {
        made.predicate = kind.objects.front();
      } else if (kind.slot == Capture::Slot::kGerund) {
        const auto [predicate, object] = habit_of(kind);
        made.predicate = predicate;
        objects = {object};
      } else {
        made.predicate = "favourite " + favourite(kind.objects.front());
      }
    }
    const std::optional<semantic::Moment> used = moment_of(match, output);
    if (used) {
      // What was named as an object is not also when it began.
      made.valid_from = episode_.time;
      made.is_dated = false;
      std::string text = used->text;
      if (made.predicate == "birthday" && !used->has_day) return;
      const bool is_over = used->begin < std::chrono::floor<std::chrono::days>(episode_.time) && !used->is_weekday;
      if (made.predicate == "date" && is_over && !rule.is_change) return;  // "the picture is from last night"
      if (made.predicate == "birthday" && !used->has_year) {
        text = text.substr(5);
        if (made.corrected.size() == 10) made.corrected = made.corrected.substr(5);
      }
      if (made.predicate == "date" && used->is_weekday &&
          used->begin < std::chrono::floor<std::chrono::days>(episode_.time)) {
        text = date_text(used->begin + std::chrono::hours(7 * 24));
      }
      objects = {text};
    }
    ClaimKind kind = output.kind;
    if (clause.negated && kind == ClaimKind::kEnds) return;
    if (clause.negated) kind = ClaimKind::kEnds;
    if (clause.past && kind == ClaimKind::kHolds) kind = ClaimKind::kPast;
    if (clause.until && kind == ClaimKind::kHolds) kind = ClaimKind::kPast;
    if (kind == ClaimKind::kPast) {
      made.valid_to = clause.until ? std::min(clause.until->begin, episode_.time) : episode_.time;
      made.valid_from = Time{};
      made.corrects = false;
    }
    if (kind != ClaimKind::kHolds) made.corrects = false;
    if (rule.is_change && made.corrects && made.corrects_lately) made.corrects = made.corrects_lately = false;
    made.kind = kind;
    for (std::string& object : objects) {
      Claim one = made;
      one.object = std::move(object);
      add(std::move(one));
    }
  }

  static std::string date_text(Time time) {
    const std::chrono::year_month_day date(std::chrono::floor<std::chrono::days>(time));
    std::string text = std::to_string(static_cast<int>(date.year()));
    for (const unsigned part : {static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day())}) {
      text += (part < 10 ? "-0" : "-") + std::to_string(part);
    }
    return text;
  }

  /// "color" is "colour".
  static std::string favourite(const std::string& what) {
    std::string folded = what;
    for (char& c : folded) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return folded == "color" ? "colour" : folded;
  }

  static const Capture& capture(const Match& match, int number) {
    return match.captures.at(static_cast<std::size_t>(number - 1));
  }
  static std::optional<semantic::Moment> moment_of(const Match& match, const Output& output) {
    if (output.object <= 0 || !output.text.empty()) return {};
    return capture(match, output.object).moment;
  }

  [[nodiscard]] Claim claim_of(const Clause& clause, const Rule& rule) const {
    Claim claim;
    claim.known_from = episode_.time;
    claim.valid_from = clause.time ? clause.time->begin : episode_.time;
    claim.is_dated = clause.time.has_value();
    claim.trust = episode_.trust;
    claim.by_assistant = by_assistant_;
    claim.confidence = rule.confidence * (clause.reported ? kReportedFactor : 1.0);
    if (by_assistant_) claim.confidence = std::min(claim.confidence, kAssistantConfidence);
    claim.corrects = clause.corrects || (clause.corrects_lately && !clause.now && !clause.time);
    claim.corrects_lately = claim.corrects && !clause.corrects;
    claim.corrected = clause.corrected;
    return claim;
  }

  void add(Claim claim) {
    if (claim.subject.empty() || fact_key(claim.subject).empty()) return;
    const auto bytes_max = static_cast<std::size_t>(limits_.object_bytes_max);
    if (claim.object.size() > bytes_max || claim.subject.size() > bytes_max || claim.predicate.size() > bytes_max)
      return;
    if (claim.kind != ClaimKind::kEnds && fact_key(claim.object).empty()) return;
    if (claim.predicate == "?") {
      // What was said a moment ago, in the same words; else the consolidation looks further back.
      const std::string wrong = fact_key(claim.corrected);
      const auto before = std::find_if(claims_.rbegin(), claims_.rend(), [&](const Claim& other) {
        return other.kind == ClaimKind::kHolds && (wrong.empty() || fact_key(other.object) == wrong);
      });
      if (before != claims_.rend()) {
        claim.predicate = before->predicate;
        claim.subject = before->subject;
      }
      claim.corrects = true;
    }
    const bool is_known = std::any_of(claims_.begin(), claims_.end(), [&](const Claim& other) {
      return other.kind == claim.kind && other.predicate == claim.predicate &&
             fact_key(other.subject) == fact_key(claim.subject) && fact_key(other.object) == fact_key(claim.object);
    });
    if (!is_known) claims_.push_back(std::move(claim));
  }

  const Episode& episode_;
  const FactLimits& limits_;
  bool by_assistant_ = false;
  Speaker speaker_;
  std::vector<Claim> claims_;
};

}  // namespace

std::vector<Claim> extract_claims(const Episode& episode, const FactLimits& limits) {
  if (episode.attributes.contains(kFromMemory) || episode.kind == EpisodeKind::kToolResult) return {};
  return Extraction(episode, limits).run();
}

}  // namespace mnema
