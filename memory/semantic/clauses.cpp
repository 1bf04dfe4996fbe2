#include "memory/semantic/clauses.hpp"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "memory/semantic/words.hpp"

namespace mnema::semantic {
namespace {

struct Sentence {
  std::vector<Word> words;
  bool asks = false;
};

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || static_cast<unsigned char>(c) >= 0x80;
}
bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string lower_of(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return lower;
}

Word word_of(std::string_view text) {
  Word word;
  word.text = text;
  word.lower = lower_of(text);
  word.is_capital = !text.empty() && text[0] >= 'A' && text[0] <= 'Z';
  // Capitals beyond ASCII are two bytes long; these are the Latin ones: À to Þ.
  if (text.size() > 1 && text[0] == '\xC3' && static_cast<unsigned char>(text[1]) < 0x9F) word.is_capital = true;
  if (!text.empty() && is_digit(text[0])) word.kind = Word::Kind::kNumber;
  return word;
}

Word mark_of(std::string_view text, Word::Kind kind) {
  Word word;
  word.kind = kind;
  word.text = word.lower = text;
  return word;
}

/// Signs of several bytes, as their ASCII equals; longer than one byte only what is a word of its own.
struct Sign {
  std::string_view bytes;
  std::string_view as;
};
constexpr std::array kSigns = {Sign{"’", "'"},   Sign{"‘", "'"},   Sign{"“", "\""},      Sign{"”", "\""},
                               Sign{"„", "\""},  Sign{"«", "\""},  Sign{"»", "\""},      Sign{"–", " ; "},
                               Sign{"—", " ; "}, Sign{"…", ". "},  Sign{"€", " € "},     Sign{"£", " £ "},
                               Sign{"¥", " ¥ "}, Sign{"₹", " ₹ "}, Sign{"\xC2\xA0", " "}};

/// Without code blocks and quoted lines, with one sign for each kind.
std::string plain(std::string_view text) {
  std::string made;
  bool in_code = false;
  bool line_begins = true;
  for (std::size_t at = 0; at < text.size();) {
    if (text.substr(at, 3) == "```") {
      in_code = !in_code;
      at += 3;
      made += " \n";
      continue;
    }
    if (line_begins && text[at] == '>') {
      while (at < text.size() && text[at] != '\n') ++at;
      continue;
    }
    line_begins = text[at] == '\n';
    if (in_code) {
      ++at;
      continue;
    }
    const auto sign = std::find_if(kSigns.begin(), kSigns.end(),
                                   [&](const Sign& entry) { return text.substr(at).starts_with(entry.bytes); });
    if (sign != kSigns.end()) {
      made += sign->as;
      at += sign->bytes.size();
    } else {
      made += text[at++];
    }
  }
  return made;
}

bool is_abbreviation(const std::string& lower) {
  static constexpr std::array kAll = {"mr",  "mrs", "ms",     "dr",  "st",  "no",  "vs",
                                      "e.g", "i.e", "approx", "inc", "ltd", "prof"};
  return std::any_of(kAll.begin(), kAll.end(), [&](const char* entry) { return lower == entry; });
}

/// What is joined by an apostrophe, or was written without one, as the words it stands for.
void add_expanded(std::vector<Word>& words, const std::string& text) {
  static const std::unordered_map<std::string, std::array<const char*, 2>> kWhole = {
      {"can't", {"can", "not"}},   {"cannot", {"can", "not"}},  {"won't", {"will", "not"}},
      {"dont", {"do", "not"}},     {"doesnt", {"does", "not"}}, {"didnt", {"did", "not"}},
      {"isnt", {"is", "not"}},     {"im", {"I", "am"}},         {"ive", {"I", "have"}},
      {"cant", {"can", "not"}},    {"wont", {"will", "not"}},   {"arent", {"are", "not"}},
      {"let's", {"let", "us"}},    {"gonna", {"going", "to"}},  {"wanna", {"want", "to"}},
      {"anymore", {"any", "more"}}};
  const std::string lower = lower_of(text);
  if (const auto known = kWhole.find(lower); known != kWhole.end()) {
    words.push_back(word_of(known->second[0]));
    words.push_back(word_of(known->second[1]));
    return;
  }
  static constexpr std::array kEndings = {std::pair{"n't", "not"},  std::pair{"'m", "am"},    std::pair{"'re", "are"},
                                          std::pair{"'ve", "have"}, std::pair{"'ll", "will"}, std::pair{"'d", "would"}};
  for (const auto& [ending, meaning] : kEndings) {
    const std::string_view suffix(ending);
    if (lower.size() <= suffix.size() || !lower.ends_with(suffix)) continue;
    words.push_back(word_of(std::string_view(text).substr(0, text.size() - suffix.size())));
    words.push_back(word_of(meaning));
    return;
  }
  if (lower.size() > 2 && lower.ends_with("'s")) {
    static constexpr std::array kIs = {"he",  "she",   "it",  "that", "there",     "what",
                                       "who", "where", "how", "here", "everything"};
    const std::string base = text.substr(0, text.size() - 2);
    const std::string base_lower = lower_of(base);
    const bool is = std::any_of(kIs.begin(), kIs.end(), [&](const char* entry) { return base_lower == entry; });
    words.push_back(word_of(base));
    words.push_back(word_of(is ? "is" : "'s"));
    return;
  }
  words.push_back(word_of(text));
}

std::vector<Sentence> sentences_of(std::string_view text) {
  const std::string clean = plain(text);
  std::vector<Sentence> all(1);
  const auto finish = [&](bool asks) {
    all.back().asks = asks;
    if (!all.back().words.empty()) {
      all.emplace_back();
    } else {
      all.back().asks = false;
    }
  };
  for (std::size_t at = 0; at < clean.size();) {
    const char c = clean[at];
    const char next = at + 1 < clean.size() ? clean[at + 1] : ' ';
    if (is_letter(c) || is_digit(c)) {
      std::size_t end = at;
      const auto inside = [&](char mark) {
        const bool between =
            end + 1 < clean.size() && end > at && (is_letter(clean[end + 1]) || is_digit(clean[end + 1]));
        if (!between) return false;
        if (mark == '\'' || mark == '-' || mark == '@' || mark == '_') return true;
        if (mark == '.' || mark == ',') {
          if (is_digit(clean[end - 1]) && is_digit(clean[end + 1])) return true;
          return mark == '.' && clean.substr(at, end - at).find('@') != std::string::npos;
        }
        return false;
      };
      while (end < clean.size() && (is_letter(clean[end]) || is_digit(clean[end]) || inside(clean[end]))) {
        // The signs of currencies are letters by their bytes.
        const std::string_view rest = std::string_view(clean).substr(end);
        if (rest.starts_with("€") || rest.starts_with("£") || rest.starts_with("¥") || rest.starts_with("₹")) break;
        ++end;
      }
      if (end == at) {
        const std::size_t length = clean[at] == '\xC2' ? 2 : 3;
        all.back().words.push_back(word_of(std::string_view(clean).substr(at, length)));
        at += length;
        continue;
      }
      while (end < clean.size() && (clean[end] == '+' || clean[end] == '#')) ++end;
      add_expanded(all.back().words, clean.substr(at, end - at));
      at = end;
      continue;
    }
    ++at;
    if (c == '"') {
      const std::size_t close = clean.find('"', at);
      if (close != std::string::npos) {
        all.back().words.push_back(mark_of("\"", Word::Kind::kQuote));
        at = close + 1;
      }
    } else if (c == '?') {
      finish(true);
    } else if (c == '!' || c == '\n') {
      finish(false);
    } else if (c == '.') {
      const bool ends = next == ' ' || next == '\n' || next == '.' || at >= clean.size() || next == ')';
      const bool abbreviated = !all.back().words.empty() && is_abbreviation(all.back().words.back().lower);
      if (ends && !abbreviated) finish(false);
    } else if (c == ',') {
      all.back().words.push_back(mark_of(",", Word::Kind::kComma));
    } else if (c == ';' || (c == ':' && (next == ' ' || next == '\n')) || c == '(' || c == ')' ||
               (c == '-' && next == ' ')) {
      all.back().words.push_back(mark_of(";", Word::Kind::kComma));
    } else if (c == '%' || c == '$' || c == '/' || c == '&') {
      all.back().words.push_back(word_of(std::string(1, c)));
    }
  }
  if (all.back().words.empty()) all.pop_back();
  return all;
}

bool is_word(const Word& word, std::string_view lower) {
  return word.kind != Word::Kind::kComma && word.lower == lower;
}

template <std::size_t N>
bool is_one_of(const Word& word, const std::array<const char*, N>& list) {
  return word.kind == Word::Kind::kWord &&
         std::any_of(list.begin(), list.end(), [&](const char* entry) { return word.lower == entry; });
}

std::string joined(const std::vector<Word>& words, std::size_t begin, std::size_t end) {
  std::string text;
  for (std::size_t i = begin; i < end && i < words.size(); ++i) {
    const Word& word = words[i];
    text += (text.empty() ? "" : " ") + (word.kind == Word::Kind::kMoment ? word.moment.text : word.text);
  }
  return text;
}

constexpr std::array kSupposing = {"if",      "unless", "whether", "suppose", "supposing",     "imagine",
                                   "pretend", "wish",   "wishes",  "wished",  "hypothetically"};
constexpr std::array kConjunctions = {"but",     "because", "while", "although", "though",
                                      "whereas", "since",   "so",    "and",      "that"};
constexpr std::array kSubordinate = {"when", "after", "before", "until",    "which",
                                     "who",  "where", "once",   "whenever", "as"};
constexpr std::array kModal = {"would",  "could",   "should",   "might",    "may",         "shall",  "must",
                               "maybe",  "perhaps", "probably", "possibly", "considering", "hope",   "hopes",
                               "hoping", "almost",  "nearly",   "try",      "trying",      "tried",  "let",
                               "plan",   "plans",   "planning", "want",     "wants",       "wanted", "need",
                               "needs",  "needed",  "dream",    "dreaming", "thinking",    "nobody", "everybody"};

/// What a correction names as wrong: "not X but Y" leaves Y, "Y, not X" likewise.
void take_corrections(std::vector<Word>& words, std::string& corrected) {
  for (std::size_t i = 0; i + 2 < words.size(); ++i) {
    if (!is_word(words[i], "not")) continue;
    for (std::size_t j = i + 2; j < std::min(words.size(), i + 7); ++j) {
      if (words[j].kind == Word::Kind::kComma) {
        if (j + 1 < words.size() && is_word(words[j + 1], "but")) continue;
        break;
      }
      if (is_verb(words[j].lower)) break;
      if (!is_word(words[j], "but") || j + 1 >= words.size()) continue;
      const bool is_clause = is_verb(words[j + 1].lower) || ends_phrase(words[j + 1].lower);
      if (is_clause && words[j + 1].kind == Word::Kind::kWord) break;
      const std::size_t end = words[j - 1].kind == Word::Kind::kComma ? j - 1 : j;
      corrected = joined(words, i + 1, end);
      words.erase(words.begin() + static_cast<std::ptrdiff_t>(i), words.begin() + static_cast<std::ptrdiff_t>(j + 1));
      return;
    }
  }
  for (std::size_t i = 1; i + 2 < words.size() + 1; ++i) {
    if (words[i - 1].kind != Word::Kind::kComma || !is_word(words[i], "not")) continue;
    std::size_t end = i + 1;
    while (end < words.size() && words[end].kind != Word::Kind::kComma && end < i + 5) ++end;
    if (end == i + 1 || (end < words.size() && words[end].kind != Word::Kind::kComma)) continue;
    const Word& first = words[i + 1];
    const bool is_name = first.is_capital || first.kind != Word::Kind::kWord;
    if (!is_name &&
        (ends_phrase(first.lower) || is_filler(first.lower) || first.lower == "far" || first.lower == "sure"))
      continue;
    corrected = joined(words, i + 1, end);
    words.erase(words.begin() + static_cast<std::ptrdiff_t>(i - 1), words.begin() + static_cast<std::ptrdiff_t>(end));
    return;
  }
}

/// Whether a statement of its own begins at `at`, behind "and" or a comma: a verb, or what may be a subject and a verb.
bool begins_clause(const std::vector<Word>& words, std::size_t at) {
  while (at < words.size() && words[at].kind == Word::Kind::kWord && is_filler(words[at].lower)) ++at;
  if (at >= words.size()) return false;
  for (std::size_t i = at; i < std::min(words.size(), at + 7); ++i) {
    const Word& word = words[i];
    if (word.kind == Word::Kind::kComma || word.kind == Word::Kind::kMoment) return false;
    if (is_word(word, "and") || is_word(word, "or") || is_word(word, "to")) return false;
    if (is_one_of(word, kSubordinate) || is_word(word, "that")) return false;
    if (is_word(word, "'s")) continue;
    if (word.lower == "not" || word.lower == "never" || word.lower == "no") continue;
    const bool is_subject = word.lower == "i" || word.lower == "we" || word.lower == "he" || word.lower == "she" ||
                            word.lower == "they" || word.lower == "it" || word.lower == "you";
    if (is_subject && i == at) return true;
    if (is_verb(word.lower)) return true;
    if (ends_phrase(word.lower) && word.lower != "to" && i > at) return false;
  }
  return false;
}

std::vector<std::vector<Word>> split(const std::vector<Word>& words) {
  std::vector<std::vector<Word>> clauses(1);
  bool skips = false;  // a subordinate clause, or one that only supposes
  for (std::size_t i = 0; i < words.size(); ++i) {
    const Word& word = words[i];
    if (is_one_of(word, kSupposing)) break;
    if (word.kind == Word::Kind::kComma) {
      if (word.text == ";" || begins_clause(words, i + 1)) {
        clauses.emplace_back();
        skips = false;
        continue;
      }
    } else if (is_one_of(word, kSubordinate) && !clauses.back().empty() && word.lower != "as") {
      clauses.emplace_back();
      skips = true;
      continue;
    } else if (is_one_of(word, kSubordinate) && clauses.back().empty() && word.lower != "as") {
      skips = true;
      continue;
    } else if (is_one_of(word, kConjunctions) && word.lower != "that") {
      const bool joins = word.lower != "and" || begins_clause(words, i + 1);
      if (joins) {
        clauses.emplace_back();
        skips = false;
        continue;
      }
    }
    if (!skips) clauses.back().push_back(word);
  }
  std::erase_if(clauses, [](const auto& clause) { return clause.empty(); });
  return clauses;
}

/// Takes what a clause says of itself out of its words. False: it states nothing.
bool settle(Clause& clause, Time told) {
  std::vector<Word> kept;
  bool is_modal = false;
  const std::vector<Word>& words = clause.words;
  const auto next_is = [&](std::size_t i, std::string_view lower) {
    return i + 1 < words.size() && words[i + 1].lower == lower;
  };
  for (std::size_t i = 0; i < words.size(); ++i) {
    const Word& word = words[i];
    const std::string& lower = word.lower;
    if (word.kind == Word::Kind::kMoment) {
      if (word.moment.is_until)
        clause.until = word.moment;
      else if (!clause.time)
        clause.time = word.moment;
      kept.push_back(word);
      continue;
    }
    if (word.kind != Word::Kind::kWord) {
      kept.push_back(word);
      continue;
    }
    if (lower == "would" && (next_is(i, "like") || next_is(i, "love") || next_is(i, "rather") || next_is(i, "prefer")))
      return false;
    if (is_one_of(word, kModal)) {
      // "need", "plan" and "dream" are also things.
      const bool is_noun =
          (lower == "plan" || lower == "plans" || lower == "dream" || lower == "need" || lower == "hope") &&
          !next_is(i, "to") && i > 0 && !(words[i - 1].lower == "i" || words[i - 1].lower == "we");
      if (!is_noun) return false;
    }
    if (lower == "will" || (lower == "going" && next_is(i, "to"))) {
      is_modal = true;
      if (lower == "going") ++i;
      continue;
    }
    if (lower == "not" && next_is(i, "sure")) return false;
    if (lower == "not" || lower == "never") {
      clause.negated = !clause.negated;
      continue;
    }
    if (lower == "no" && next_is(i, "longer")) {
      clause.negated = clause.ended = true;
      ++i;
      continue;
    }
    if (lower == "no" && (i == 0 || next_is(i, ","))) {
      clause.corrects_lately = true;
      continue;
    }
    if (lower == "no") {
      clause.negated = true;
      continue;
    }
    if (lower == "any" && (next_is(i, "more") || next_is(i, "longer"))) {
      clause.ended = true;
      ++i;
      continue;
    }
    if ((lower == "do" || lower == "does" || lower == "did") && i + 1 < words.size()) continue;
    if (lower == "used" && next_is(i, "to") &&
        (kept.empty() || (kept.back().lower != "am" && kept.back().lower != "is" && kept.back().lower != "are"))) {
      clause.past = true;
      ++i;
      continue;
    }
    if (lower == "now" || lower == "currently" || lower == "nowadays" || lower == "presently") {
      clause.now = true;
      continue;
    }
    if ((lower == "these" && next_is(i, "days")) || (lower == "right" && next_is(i, "now")) ||
        (lower == "at" && (next_is(i, "present")))) {
      clause.now = true;
      ++i;
      continue;
    }
    if (lower == "at" && next_is(i, "the") && i + 2 < words.size() && words[i + 2].lower == "moment") {
      clause.now = true;
      i += 2;
      continue;
    }
    if (lower == "actually" || lower == "sorry") clause.corrects_lately = true;
    static constexpr std::array kReports = {"said",    "says",  "told",  "mentioned", "mentions", "claims",
                                            "claimed", "heard", "think", "thinks",    "believe",  "guess"};
    if (is_one_of(word, kReports) && i + 2 < words.size()) {
      clause.reported = true;
      kept.clear();
      if (next_is(i, "me") || next_is(i, "us")) ++i;
      if (next_is(i, "that")) ++i;
      continue;
    }
    if (is_filler(lower)) continue;
    kept.push_back(word);
  }
  if (is_modal && (!clause.time || clause.time->begin <= told)) return false;
  clause.words = std::move(kept);
  while (!clause.words.empty() && clause.words.front().kind == Word::Kind::kComma)
    clause.words.erase(clause.words.begin());
  return !clause.words.empty();
}

}  // namespace

std::vector<Clause> clauses_of(std::string_view text, Time told, int clauses_max) {
  std::vector<Clause> all;
  std::vector<Sentence> sentences = sentences_of(text);
  const bool without_capitals = std::none_of(sentences.begin(), sentences.end(), [](const Sentence& sentence) {
    return std::any_of(sentence.words.begin(), sentence.words.end(),
                       [](const Word& word) { return word.is_capital && word.text != "I"; });
  });
  for (Sentence& sentence : sentences) {
    if (sentence.asks) continue;
    static constexpr std::array kWrong = {"mistake", "typo",     "correction", "wrong",  "mixed",
                                          "meant",   "mistyped", "misspoke",   "scratch"};
    bool corrects = std::any_of(sentence.words.begin(), sentence.words.end(),
                                [](const Word& word) { return is_one_of(word, kWrong); });
    // A plan is no price: "maybe" anywhere in front leaves nothing certain.
    resolve_times(sentence.words, told);
    std::string corrected;
    take_corrections(sentence.words, corrected);
    bool lately = false;
    for (std::vector<Word>& words : split(sentence.words)) {
      Clause clause;
      clause.words = std::move(words);
      clause.corrects = corrects || !corrected.empty();
      clause.corrected = corrected;
      clause.without_capitals = without_capitals;
      if (!settle(clause, told)) {
        lately |= clause.corrects_lately;
        continue;
      }
      lately |= clause.corrects_lately;
      clause.corrects_lately = lately;
      if (static_cast<int>(all.size()) == clauses_max) return all;
      all.push_back(std::move(clause));
    }
  }
  return all;
}

}  // namespace mnema::semantic
