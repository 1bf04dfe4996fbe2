#include "memory/semantic/matcher.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <sstream>
#include <unordered_map>

#include "memory/semantic/words.hpp"

namespace mnema::semantic {
namespace {

using Slot = Capture::Slot;

struct Element {
  enum class Kind { kWords, kPerson, kThing, kDefinite, kAny, kSlot, kEnd };
  Kind kind = Kind::kWords;
  std::vector<std::string> words;
  bool optional = false;
  Slot slot = Slot::kPhrase;
};

const std::unordered_map<std::string, Slot>& slots() {
  static const std::unordered_map<std::string, Slot> all = {
      {"<place>", Slot::kPlace},
      {"<org>", Slot::kOrganisation},
      {"<company>", Slot::kCompany},
      {"<name>", Slot::kName},
      {"<np>", Slot::kPhrase},
      {"<list>", Slot::kList},
      {"<job>", Slot::kJob},
      {"<price>", Slot::kPrice},
      {"<percent>", Slot::kPercent},
      {"<date>", Slot::kDate},
      {"<number>", Slot::kNumber},
      {"<rest>", Slot::kRest},
      {"<gerund>", Slot::kGerund},
      {"<mail>", Slot::kMail},
      {"<pet>", Slot::kPet},
      {"<thing>", Slot::kThing},
      {"<belonging>", Slot::kBelonging},
      {"<state>", Slot::kState},
      {"<profession>", Slot::kProfession},
      {"<relation>", Slot::kRelation},
  };
  return all;
}

std::vector<Element> parse(std::string_view pattern) {
  std::vector<Element> elements;
  std::istringstream parts{std::string(pattern)};
  std::string part;
  while (parts >> part) {
    Element element;
    if (part == "$") {
      element.kind = Element::Kind::kEnd;
    } else if (part == "<P>" || part == "<T>" || part == "<A>" || part == "<D>") {
      element.kind = part == "<P>"   ? Element::Kind::kPerson
                     : part == "<T>" ? Element::Kind::kThing
                     : part == "<D>" ? Element::Kind::kDefinite
                                     : Element::Kind::kAny;
    } else if (const auto slot = slots().find(part); slot != slots().end()) {
      element.kind = Element::Kind::kSlot;
      element.slot = slot->second;
    } else {
      element.optional = part.back() == '?';
      if (element.optional) part.pop_back();
      std::istringstream words(part);
      std::string word;
      while (std::getline(words, word, '|')) element.words.push_back(word);
    }
    elements.push_back(std::move(element));
  }
  return elements;
}

const std::vector<Element>& elements_of(const Rule& rule) {
  static const std::map<const Rule*, std::vector<Element>> all = [] {
    std::map<const Rule*, std::vector<Element>> parsed;
    for (const Rule& known : rules()) parsed[&known] = parse(known.pattern);
    return parsed;
  }();
  return all.at(&rule);
}

bool is_article(std::string_view word) {
  return word == "a" || word == "an" || word == "the" || word == "my" || word == "our" || word == "some" ||
         word == "this" || word == "his" || word == "her" || word == "their" || word == "new" || word == "another" ||
         word == "your";
}

bool may_be_name(const Word& word) {
  static constexpr std::array kNever = {
      "i",   "it",    "this", "that", "there", "the",   "a",        "an",     "my",      "our",    "what",
      "who", "how",   "when", "they", "we",    "you",   "yes",      "no",     "he",      "she",    "his",
      "her", "their", "your", "its",  "these", "those", "everyone", "people", "someone", "nobody", "some",
      "and", "but",   "in",   "on",   "at",    "for",   "not",      "if",     "also",    "is",     "are"};
  return word.kind == Word::Kind::kWord && word.is_capital &&
         std::none_of(kNever.begin(), kNever.end(), [&](const char* never) { return word.lower == never; });
}

/// "MySQL" is no place, and "NYC" may be one.
bool is_technical(const Word& word) {
  bool lower_before = false;
  for (const char c : word.text) {
    if (c >= 'A' && c <= 'Z' && lower_before) return true;
    lower_before = c >= 'a' && c <= 'z';
    if ((c >= '0' && c <= '9') || c == '+' || c == '#') return true;
  }
  return false;
}

class Matching {
 public:
  Matching(const std::vector<Element>& elements, const Clause& clause, const Speaker& speaker)
      : elements_(elements), words_(clause.words), speaker_(speaker) {
    is_lower_ = clause.without_capitals;
  }

  std::optional<Match> from(std::size_t begin) {
    match_ = {};
    if (!fits(0, begin)) return {};
    return match_;
  }

 private:
  [[nodiscard]] bool at_end(std::size_t at) const { return at >= words_.size(); }
  [[nodiscard]] std::string_view lower(std::size_t at) const {
    return at_end(at) || words_[at].kind == Word::Kind::kComma || words_[at].kind == Word::Kind::kMoment
               ? std::string_view()
               : std::string_view(words_[at].lower);
  }
  [[nodiscard]] bool is_plain(std::size_t at) const {
    return !at_end(at) && (words_[at].kind == Word::Kind::kWord || words_[at].kind == Word::Kind::kNumber);
  }

  bool fits(std::size_t element, std::size_t at) {
    if (element == elements_.size()) return true;
    const Element& wanted = elements_[element];
    switch (wanted.kind) {
      case Element::Kind::kEnd: {
        const bool ends = at_end(at) || words_[at].kind == Word::Kind::kComma || words_[at].kind == Word::Kind::kMoment;
        return ends && fits(element + 1, at);
      }
      case Element::Kind::kWords: {
        const std::string_view word = lower(at);
        const bool is_there =
            !word.empty() && std::find(wanted.words.begin(), wanted.words.end(), word) != wanted.words.end();
        const std::string before = match_.last_word;
        if (is_there) match_.last_word = word;
        if (is_there && fits(element + 1, at + 1)) return true;
        match_.last_word = before;
        return wanted.optional && fits(element + 1, at);
      }
      case Element::Kind::kPerson:
        return fits_person(element, at);
      case Element::Kind::kThing:
      case Element::Kind::kDefinite:
        return fits_thing(element, at, wanted.kind == Element::Kind::kDefinite);
      case Element::Kind::kAny:
        return fits_person(element, at) || fits_thing(element, at, false);
      case Element::Kind::kSlot:
        return fits_slot(element, at, wanted.slot);
    }
    return false;
  }

  bool with_subject(std::size_t element, std::size_t next, const std::string& subject, bool is_thing,
                    const std::string& relation = {}) {
    if (subject.empty()) return false;
    match_.subject = subject;
    match_.subject_is_thing = is_thing;
    match_.relation = relation;
    return fits(element + 1, next);
  }

  bool fits_person(std::size_t element, std::size_t at) {
    const std::string_view word = lower(at);
    if (word == "i" || word == "we") return with_subject(element, at + 1, speaker_.me, false);
    if (word == "you") return with_subject(element, at + 1, speaker_.you, false);
    if (word == "he" || word == "she") {
      return agrees(at + 1) && with_subject(element, at + 1, speaker_.last_person, false);
    }
    if (word == "my" || word == "our") {
      const std::string_view relation = relation_of(lower(at + 1));
      if (relation.empty() || speaker_.me.empty()) return false;
      std::size_t next = at + 2;
      if (lower(next) == "," && next + 1 < words_.size()) ++next;
      std::size_t end = next;
      while (end < words_.size() && end < next + 2 && may_be_name(words_[end])) ++end;
      if (end > next && with_subject(element, end, text_of(next, end), false, std::string(relation))) return true;
      return with_subject(element, at + 2, speaker_.me + "'s " + std::string(relation), false);
    }
    if (is_verb(word)) {
      return !speaker_.subject.empty() && !speaker_.subject_is_thing &&
             with_subject(element, at, speaker_.subject, false);
    }
    std::size_t end = at;
    while (end < words_.size() && end < at + 3 && may_be_name(words_[end]) && !is_verb(words_[end].lower)) ++end;
    return end > at && agrees(end) && with_subject(element, end, text_of(at, end), false);
  }

  /// "Tom likes", never "Sounds like": one other person has a verb with an ending.
  [[nodiscard]] bool agrees(std::size_t verb) const {
    static constexpr std::array kOfMany = {"like",  "love",   "enjoy",  "adore", "hate",  "dislike", "detest",
                                           "live",  "reside", "work",   "play",  "use",   "own",     "drive",
                                           "drink", "eat",    "prefer", "speak", "smoke", "am",      "are",
                                           "have",  "study",  "pay",    "move",  "come"};
    return std::none_of(kOfMany.begin(), kOfMany.end(), [&](const char* word) { return lower(verb) == word; });
  }

  bool fits_thing(std::size_t element, std::size_t at, bool definite) {
    std::string_view word = lower(at);
    if (word == "it") return with_subject(element, at + 1, speaker_.last_thing, true);
    if (is_verb(word)) {
      return !definite && !speaker_.subject.empty() && speaker_.subject_is_thing &&
             with_subject(element, at, speaker_.subject, true);
    }
    std::string owner;
    std::size_t begin = at;
    if (is_article(word)) {
      if (word == "my") owner = speaker_.me;
      ++begin;
      while (is_article(lower(begin))) ++begin;
    } else if (definite) {
      return false;
    }
    if (lower(begin).size() > 5 && lower(begin).ends_with("ing")) return false;  // an activity
    std::size_t end = begin;
    while (is_plain(end) && end < begin + 6 && !is_verb(words_[end].lower) &&
           (!ends_phrase(words_[end].lower) || (words_[end].lower == "of" && end > begin))) {
      ++end;
    }
    if (end == begin || (end == begin + 1 && is_empty_object(words_[begin].lower))) return false;
    if (!relation_of(words_[end - 1].lower).empty()) return false;
    std::string subject = text_of(begin, end);
    if (!owner.empty()) subject = owner + "'s " + subject;
    return with_subject(element, end, subject, true);
  }

  /// Takes `objects` for the slot, if the rest fits behind it.
  bool take(std::size_t element, std::size_t next, Slot slot, std::vector<std::string> objects, std::string verb = {},
            std::optional<Moment> moment = {}) {
    for (const std::string& object : objects) {
      if (object.empty()) return false;
    }
    match_.captures.push_back({slot, std::move(objects), std::move(verb), std::move(moment)});
    if (fits(element + 1, next)) return true;
    match_.captures.pop_back();
    return false;
  }

  [[nodiscard]] std::string text_of(std::size_t begin, std::size_t end) const {
    while (begin + 1 < end && is_article(words_[begin].lower) && words_[begin].lower != "new") ++begin;
    std::string text;
    for (std::size_t i = begin; i < end; ++i) text += (text.empty() ? "" : " ") + words_[i].text;
    return text;
  }

  [[nodiscard]] std::size_t phrase_end(std::size_t at, std::size_t words_max) const {
    std::size_t end = at;
    while (is_plain(end) && end < at + words_max) {
      const std::string& word = words_[end].lower;
      if (end > at && is_verb(word) && !words_[end].is_capital) break;
      if (ends_phrase(word) && !(word == "of" && end > at)) break;
      ++end;
    }
    while (end > at && words_[end - 1].lower == "of") --end;
    return end;
  }

  /// "the", "your": of something that both know, and nobody else.
  [[nodiscard]] bool points_at_something(std::size_t at) const {
    static constexpr std::array kPointing = {"the", "this", "that",  "these", "those", "your",
                                             "his", "her",  "their", "its",   "my",    "our"};
    if (std::none_of(kPointing.begin(), kPointing.end(), [&](const char* word) { return lower(at) == word; }))
      return false;
    return lower(at) != "the" || at_end(at + 1) || !words_[at + 1].is_capital;
  }

  /// An activity goes on beyond where a thing's name would end: "running my own studio".
  [[nodiscard]] std::size_t activity_end(std::size_t at) const {
    std::size_t end = at + 1;
    while (is_plain(end) && end < at + 6) {
      const std::string& word = words_[end].lower;
      if (word == "and" || word == "or" || word == "but" || word == "because" || word == "while" || word == "when" ||
          word == "that" || word == "i" || word == "we" || word == "which" || word == "as" || word == "so") {
        break;
      }
      ++end;
    }
    while (end > at + 1 && (ends_phrase(words_[end - 1].lower) || is_article(words_[end - 1].lower))) --end;
    return end;
  }

  [[nodiscard]] std::size_t capitals_end(std::size_t at, std::size_t words_max) const {
    std::size_t end = at;
    while (end < words_.size() && end < at + words_max) {
      const Word& word = words_[end];
      const bool joins =
          end > at && end + 1 < words_.size() &&
          (word.lower == "of" || word.lower == "&" || word.lower == "de" || word.lower == "la" || word.lower == "am") &&
          words_[end + 1].is_capital;
      if (!joins && !may_be_name(word) && !(end > at && word.kind == Word::Kind::kNumber)) break;
      ++end;
    }
    if (end == at && is_lower_ && is_plain(at) && !ends_phrase(lower(at)) && !is_empty_object(lower(at)) &&
        !is_article(lower(at)) && words_[at].kind == Word::Kind::kWord) {
      static constexpr std::array kNoPlaces = {"home",  "bed",  "town",    "school",   "work",   "love",
                                               "peace", "fact", "general", "hospital", "church", "college"};
      if (std::none_of(kNoPlaces.begin(), kNoPlaces.end(), [&](const char* word) { return lower(at) == word; })) {
        end = std::min(phrase_end(at, 2), at + 2);
      }
    }
    return end;
  }

  bool fits_slot(std::size_t element, std::size_t at, Slot slot) {
    switch (slot) {
      case Slot::kPlace: {
        const std::size_t begin = lower(at) == "the" ? at + 1 : at;
        const std::size_t end = capitals_end(begin, 4);
        if (end == begin || is_technical(words_[begin])) return false;
        // "Austin, Texas"
        if (end + 1 < words_.size() && words_[end].text == "," && may_be_name(words_[end + 1]) &&
            !is_verb(lower(end + 2))) {
          if (take(element, end + 2, slot, {text_of(begin, end) + ", " + words_[end + 1].text})) return true;
        }
        return take(element, end, slot, {text_of(begin, end)});
      }
      case Slot::kOrganisation: {
        const bool has_article = is_article(lower(at));
        const std::size_t begin = has_article ? at + 1 : at;
        std::size_t end = capitals_end(begin, 5);
        if (end == begin && has_article) end = phrase_end(begin, 4);
        if (end == begin || is_empty_object(lower(begin))) return false;
        return take(element, end, slot, {text_of(begin, end)});
      }
      case Slot::kCompany:
      case Slot::kName: {
        const std::size_t end = capitals_end(at, 4);
        return end > at && take(element, end, slot, {text_of(at, end)});
      }
      case Slot::kPhrase:
      case Slot::kJob: {
        std::size_t begin = at;
        while (is_article(lower(begin)) && lower(begin) != "new") ++begin;
        for (std::size_t end = phrase_end(begin, 5); end > begin; --end) {
          if (end == begin + 1 && is_empty_object(lower(begin))) break;
          if (take(element, end, slot, {text_of(begin, end)})) return true;
        }
        if (!at_end(at) && words_[at].kind == Word::Kind::kMoment)
          return take(element, at + 1, slot, {words_[at].moment.text}, {}, words_[at].moment);
        return false;
      }
      case Slot::kList:
        return fits_list(element, at);
      case Slot::kProfession: {
        const std::size_t end = phrase_end(at, 4);
        return end > at && is_profession(lower(end - 1)) && take(element, end, slot, {text_of(at, end)});
      }
      case Slot::kState: {
        if (at_end(at) || !is_state(lower(at))) return false;
        const bool ends = at + 1 >= words_.size() || !is_plain(at + 1) || ends_phrase(lower(at + 1));
        return ends && take(element, at + 1, slot, {std::string(lower(at))});
      }
      case Slot::kRelation: {
        const std::string_view relation = relation_of(lower(at));
        return !relation.empty() && take(element, at + 1, slot, {std::string(relation)});
      }
      case Slot::kPet:
        return fits_pet(element, at);
      case Slot::kThing: {
        const bool has_article = is_article(lower(at));
        std::size_t begin = at;
        while (is_article(lower(begin))) ++begin;
        const std::size_t end = phrase_end(begin, 4);
        if (end == begin || (!has_article && !words_[begin].is_capital)) return false;
        if (is_pet(lower(end - 1)) || is_empty_object(lower(end - 1)) || lower(end - 1) == "job") return false;
        return take(element, end, slot, {text_of(begin, end)});
      }
      case Slot::kBelonging: {
        const std::size_t end = phrase_end(at, 3);
        return end > at && is_belonging(lower(end - 1)) && take(element, end, slot, {text_of(at, end)});
      }
      case Slot::kPrice:
        return fits_price(element, at);
      case Slot::kPercent: {
        if (at_end(at) || words_[at].kind != Word::Kind::kNumber) return false;
        const std::string_view unit = lower(at + 1);
        return (unit == "%" || unit == "percent") && take(element, at + 2, slot, {words_[at].text + " %"});
      }
      case Slot::kDate:
        return !at_end(at) && words_[at].kind == Word::Kind::kMoment &&
               take(element, at + 1, slot, {words_[at].moment.text}, {}, words_[at].moment);
      case Slot::kNumber:
        return !at_end(at) && words_[at].kind == Word::Kind::kNumber && words_[at].text.size() <= 3 &&
               take(element, at + 1, slot, {words_[at].text});
      case Slot::kRest: {
        std::size_t end = at;
        while (is_plain(end) && words_[end].kind == Word::Kind::kNumber) ++end;
        return end > at && take(element, end, slot, {text_of(at, end)});
      }
      case Slot::kMail:
        return is_plain(at) && lower(at).find('@') != std::string_view::npos &&
               take(element, at + 1, slot, {words_[at].text});
      case Slot::kGerund: {
        const std::string_view verb = lower(at);
        if (!is_habit(verb)) return false;
        std::size_t begin = at + 1;
        while (is_article(lower(begin))) ++begin;
        const std::size_t end = phrase_end(begin, 4);
        return take(element, std::max(end, at + 1), slot, {end > begin ? text_of(begin, end) : std::string(verb)},
                    std::string(verb));
      }
    }
    return false;
  }

  /// An activity that says nothing without what it was about: "seeing them", "talking".
  [[nodiscard]] bool is_vague(std::size_t begin, std::size_t end) const {
    static constexpr std::array kAlone = {"talking", "making", "doing",    "seeing",  "holding", "hearing",
                                          "keeping", "going",  "watching", "helping", "working"};
    static constexpr std::array kPronouns = {"it",  "them",  "him",   "her",  "this", "that",
                                             "you", "these", "those", "your", "what"};
    const auto is_one = [&](std::size_t at, const auto& list) {
      return std::any_of(list.begin(), list.end(), [&](const char* word) { return lower(at) == word; });
    };
    if (end == begin + 1 && is_one(begin, kAlone)) return true;
    for (std::size_t i = begin; i < end; ++i) {
      if (is_one(i, kPronouns)) return true;
    }
    return false;
  }

  bool fits_list(std::size_t element, std::size_t at) {
    std::vector<std::string> objects;
    std::size_t next = at;
    for (;;) {
      while (is_article(lower(next)) && !points_at_something(next)) ++next;
      if (lower(next) == "little" || (lower(next) == "bit" && lower(next + 1) == "of"))
        next += lower(next) == "bit" ? 2 : 1;
      if (points_at_something(next)) break;
      if (lower(next) == "the") ++next;
      if (lower(next) == "to") {
        static constexpr std::array kVague = {"hear", "help", "see", "get", "know",  "say",  "make",
                                              "have", "be",   "do",  "go",  "think", "share"};
        ++next;
        if (std::any_of(kVague.begin(), kVague.end(), [&](const char* verb) { return lower(next) == verb; })) break;
      }
      const bool is_activity = lower(next).size() > 4 && lower(next).ends_with("ing");
      const std::size_t end = is_activity ? activity_end(next) : phrase_end(next, 5);
      if (end <= next || is_empty_object(lower(next)) || is_empty_object(lower(end - 1))) break;
      if (is_verb(lower(next)) && !words_[next].is_capital && !is_activity) break;
      if (is_activity && is_vague(next, end)) break;
      objects.push_back(text_of(next, end));
      next = end;
      std::size_t joint = next;
      if (!at_end(joint) && words_[joint].text == ",") ++joint;
      if (lower(joint) == "and" || lower(joint) == "or" || lower(joint) == "&") ++joint;
      if (joint == next || objects.size() == 8) break;
      next = joint;
    }
    return !objects.empty() && take(element, next, Slot::kList, std::move(objects));
  }

  bool fits_pet(std::size_t element, std::size_t at) {
    std::size_t pet = at;
    while (pet < at + 4 && is_plain(pet) && !is_pet(lower(pet)) && !ends_phrase(lower(pet))) ++pet;
    if (!is_pet(lower(pet))) return false;
    std::size_t next = pet + 1;
    std::string shown(lower(pet));
    if (lower(next) == "named" || lower(next) == "called") ++next;
    std::size_t end = next;
    while (end < words_.size() && end < next + 2 && may_be_name(words_[end])) ++end;
    if (end > next) {
      shown += " " + text_of(next, end);
      next = end;
    } else {
      next = pet + 1;
    }
    return take(element, next, Slot::kPet, {shown});
  }

  bool fits_price(std::size_t element, std::size_t at) {
    std::size_t number = at;
    std::string_view currency = currency_of(lower(at));
    if (!currency.empty()) ++number;
    if (at_end(number) || words_[number].kind != Word::Kind::kNumber) return false;
    std::size_t next = number + 1;
    if (currency.empty()) {
      currency = currency_of(lower(next));
      if (currency.empty()) return false;
      ++next;
    }
    std::string amount = words_[number].text;
    if (const std::size_t comma = amount.find(','); comma != std::string::npos && amount.size() == comma + 4)
      amount.erase(comma, 1);
    std::string object = amount + " " + std::string(currency);
    const std::string_view joint = lower(next);
    if ((joint == "a" || joint == "an" || joint == "per" || joint == "/" || joint == "each" || joint == "every") &&
        is_plain(next + 1)) {
      object += " per " + std::string(lower(next + 1));
      next += 2;
    } else if (joint == "monthly" || joint == "yearly" || joint == "weekly") {
      object += joint == "monthly" ? " per month" : joint == "yearly" ? " per year" : " per week";
      ++next;
    }
    return take(element, next, Slot::kPrice, {object});
  }

  const std::vector<Element>& elements_;
  const std::vector<Word>& words_;
  const Speaker& speaker_;
  bool is_lower_ = false;  // written without capitals
  Match match_;
};

}  // namespace

std::optional<Match> match(const Rule& rule, const Clause& clause, const Speaker& speaker) {
  Matching matching(elements_of(rule), clause, speaker);
  if (std::optional<Match> found = matching.from(0)) return found;
  for (std::size_t i = 1; i < clause.words.size(); ++i) {
    const std::string& word = clause.words[i].lower;
    if (word != "i" && word != "we" && word != "my") continue;
    if (std::optional<Match> found = matching.from(i)) return found;
  }
  return {};
}

}  // namespace mnema::semantic
