#include "agents/turn/citations.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

#include "agents/turn/sentences.hpp"

namespace mnema {
namespace {

constexpr double kSupported = 0.5;
constexpr double kQuotable = 0.75;
constexpr std::size_t kTermsMax = 4096;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

constexpr std::array<std::pair<std::string_view, int>, 27> kNumberWords = {{
    {"two", 2},       {"three", 3},    {"four", 4},      {"five", 5},       {"six", 6},       {"seven", 7},
    {"eight", 8},     {"nine", 9},     {"ten", 10},      {"eleven", 11},    {"twelve", 12},   {"thirteen", 13},
    {"fourteen", 14}, {"fifteen", 15}, {"sixteen", 16},  {"seventeen", 17}, {"eighteen", 18}, {"nineteen", 19},
    {"twenty", 20},   {"thirty", 30},  {"forty", 40},    {"fifty", 50},     {"sixty", 60},    {"seventy", 70},
    {"eighty", 80},   {"ninety", 90},  {"hundred", 100},
}};

int value_of_word(std::string_view word) {
  for (const auto& [name, value] : kNumberWords) {
    if (name == word) return value;
  }
  return 0;
}

/// Numbers as digits without grouping: "1,024" is 1024, "thirty-two" is 32. `spelled`: those in letters too.
std::set<std::string> numbers_of(std::string_view text, bool spelled) {
  std::set<std::string> numbers;
  const std::string low = lower(text);
  int tens = 0;
  for (std::size_t i = 0; i < low.size();) {
    if (is_digit(low[i])) {
      std::string number;
      for (; i < low.size(); ++i) {
        const bool inside = i + 1 < low.size() && is_digit(low[i + 1]);
        if (is_digit(low[i])) {
          number += low[i];
        } else if (inside && low[i] == '.') {
          number += '.';
        } else if (!(inside && (low[i] == ',' || low[i] == '_' || low[i] == '\''))) {
          break;
        }
      }
      numbers.insert(number);
      tens = 0;
    } else if (std::isalpha(static_cast<unsigned char>(low[i])) != 0) {
      std::size_t end = i;
      while (end < low.size() && std::isalpha(static_cast<unsigned char>(low[end])) != 0) ++end;
      const int value = spelled ? value_of_word(std::string_view(low).substr(i, end - i)) : 0;
      if (value > 0) numbers.insert(std::to_string(value));
      if (tens > 0 && value > 0 && value < 10) numbers.insert(std::to_string(tens + value));
      tens = value >= 20 && value < 100 ? value : 0;
      i = end;
    } else {
      if (low[i] != '-' && low[i] != ' ') tens = 0;
      ++i;
    }
  }
  return numbers;
}

/// "1. ", "- " and "* " at the beginning of a line are no part of what it says.
std::string_view without_list_mark(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  std::size_t at = 0;
  while (at < text.size() && is_digit(text[at])) ++at;
  if (at > 0 && at + 1 < text.size() && (text[at] == '.' || text[at] == ')') && is_blank(text[at + 1])) {
    return text.substr(at + 2);
  }
  return text;
}

/// Takes the numbers in brackets out of `text`; those in `inline code` and those that are an index stay.
std::vector<int> take_numbers(std::string& text, std::size_t count) {
  std::vector<int> numbers;
  std::string kept;
  bool in_code = false;
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] == '`') in_code = !in_code;
    const std::size_t end = in_code ? 0 : citation_end(text, i);
    if (end == 0) {
      kept += text[i++];
      continue;
    }
    std::vector<int> found;
    for (std::size_t at = i; at < end;) {
      if (!is_digit(text[at])) {
        ++at;
        continue;
      }
      int number = 0;
      for (; is_digit(text[at]); ++at) number = std::min(number * 10 + (text[at] - '0'), 1'000'000);
      found.push_back(number);
    }
    const auto is_one = [count](int number) { return number >= 1 && static_cast<std::size_t>(number) <= count; };
    const bool is_index = i > 0 && (std::isalnum(static_cast<unsigned char>(text[i - 1])) != 0 || text[i - 1] == '_');
    if (is_index && std::none_of(found.begin(), found.end(), is_one)) {
      kept.append(text, i, end - i);
      i = end;
      continue;
    }
    for (const int number : found) {
      if (is_one(number) && std::find(numbers.begin(), numbers.end(), number) == numbers.end()) {
        numbers.push_back(number);
      }
    }
    i = end;
    if (kept.find_first_not_of(" \t\n\r") == std::string::npos) {  // it opens the sentence
      while (i < text.size() && (text[i] == ' ' || text[i] == '\t')) ++i;
    }
    // The blank before goes with it, unless another word follows.
    const bool word_follows =
        i < text.size() && !is_blank(text[i]) && std::string_view(".,;:!?)").find(text[i]) == std::string_view::npos;
    while (!word_follows && !kept.empty() && (kept.back() == ' ' || kept.back() == '\t')) kept.pop_back();
  }
  text = std::move(kept);
  return numbers;
}

}  // namespace

int characters_in(std::string_view text) {
  return static_cast<int>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

bool is_refusal(std::string_view sentence) {
  const std::string text = " " + lower(sentence) + " ";
  const auto has = [&text](std::string_view part) { return text.find(part) != std::string::npos; };
  static constexpr std::array kNegations = {
      "not say",       "not tell",       "not mention",    "not provide",   "not contain",   "not specif",
      "not state",     "not include",    "not give",       "not cover",     "not answer",    "not describe",
      "not discuss",   "not address",    "not explicitly", "not mentioned", "not provided",  "not available",
      "not found",     "not enough",     "no information", "no mention",    "n't say",       "n't tell",
      "n't mention",   "n't provide",    "n't contain",    "n't specif",    "n't state",     "n't include",
      "n't give",      "n't cover",      "n't answer",     "n't describe",  "cannot answer", "can't answer",
      "cannot be det", "not know",       "n't know",       "not indicate",  "not related",   "no passage",
      "no document",   "cannot be answ", "cannot find",    "not have info", "not have enou", "insufficient"};
  static constexpr std::array kSubjects = {"passage", "document", " text",   "context", "information", "provided",
                                           "source",  " i ",      "excerpt", "answer",  "above",       "given"};
  return std::any_of(kNegations.begin(), kNegations.end(), has) && std::any_of(kSubjects.begin(), kSubjects.end(), has);
}

CitationCheck::CitationCheck(std::string_view question, const std::vector<Citation>& citations, Options options)
    : maker_(TermMaker::make("english").value()), options_(std::move(options)), question_(words_of(question)) {
  for (const Citation& citation : citations) {
    sources_.push_back({citation, words_of(citation.title + "\n" + citation.text)});
    std::set<std::string>& numbers = sources_.back().words.numbers;
    numbers.merge(numbers_of(citation.text, true));
  }
}

CitationCheck::Words CitationCheck::words_of(std::string_view text) const {
  Words words;
  for (std::string& term : maker_.distinct(text, kTermsMax)) {
    const bool is_number = std::all_of(term.begin(), term.end(), is_digit);
    if (!is_number) words.terms.insert(std::move(term));
  }
  words.numbers = numbers_of(without_list_mark(text), false);
  return words;
}

bool CitationCheck::is_claim(const Words& sentence) const {
  return sentence.terms.size() + sentence.numbers.size() > 1;
}

double CitationCheck::support(const Words& sentence, const Source& source) const {
  for (const std::string& number : sentence.numbers) {
    if (!question_.numbers.contains(number) && !source.words.numbers.contains(number)) return 0;
  }
  std::size_t added = 0;
  std::size_t added_there = 0;
  std::size_t there = 0;
  for (const std::string& term : sentence.terms) {
    // A number that the sentence spells counts where the passage has its digits.
    const int value = value_of_word(term);
    const bool has =
        source.words.terms.contains(term) || (value > 0 && source.words.numbers.contains(std::to_string(value)));
    there += has ? 1 : 0;
    if (question_.terms.contains(term)) continue;
    ++added;
    added_there += has ? 1 : 0;
  }
  const auto share = [](std::size_t part, std::size_t whole) {
    return static_cast<double>(part) / static_cast<double>(whole);
  };
  if (added > 0) return share(added_there, added);
  // It says no more than the question but for its numbers, which are all there: the passage must be about the same, or
  // any number of it would do.
  const auto known = std::count_if(question_.terms.begin(), question_.terms.end(),
                                   [&](const std::string& term) { return source.words.terms.contains(term); });
  if (2 * static_cast<std::size_t>(known) < question_.terms.size()) return 0;
  return sentence.terms.empty() ? 1.0 : share(there, sentence.terms.size());
}

const CitationCheck::Source* CitationCheck::quotable() const {
  if (question_.terms.empty()) return nullptr;
  for (const Source& source : sources_) {
    if (source.citation.text.size() > options_.quote_bytes_max) continue;
    const auto has = [&](const std::string& term) { return source.words.terms.contains(term); };
    const auto known = std::count_if(question_.terms.begin(), question_.terms.end(), has);
    const bool numbers = std::includes(source.words.numbers.begin(), source.words.numbers.end(),
                                       question_.numbers.begin(), question_.numbers.end());
    if (numbers && static_cast<double>(known) >= kQuotable * static_cast<double>(question_.terms.size())) {
      return &source;
    }
  }
  return nullptr;
}

std::string CitationCheck::emit(std::string text, const std::vector<const Source*>& cited, bool unsupported) {
  std::size_t end = text.size();
  while (end > 0 && is_blank(text[end - 1])) --end;
  std::size_t at = end;
  while (at > 0 && std::string_view(".!?").find(text[at - 1]) != std::string_view::npos) --at;
  std::string result = text.substr(0, at);
  if (!cited.empty() && !result.empty() && !is_blank(result.back())) result += ' ';
  for (const Source* source : cited) {
    const int start = characters_ + characters_in(result);
    const std::string mark = "[" + std::to_string(source->citation.number) + "]";
    result += mark;
    if (source->citation.uri.empty()) continue;
    annotations_.push_back(
        {source->citation.uri, source->citation.title, start, start + static_cast<int>(mark.size())});
  }
  if (unsupported) {
    if (!result.empty() && !is_blank(result.back())) result += ' ';
    result += kUnsupportedMark;
    ++unsupported_;
  }
  result += text.substr(at);
  characters_ += characters_in(result);
  return result;
}

std::string CitationCheck::checked(std::string_view piece) {
  if (silent_) return {};
  std::string text(piece);
  const std::string_view said = without_list_mark(piece);
  if (said.starts_with("```")) {
    in_fence_ = !in_fence_;
    return emit(std::move(text), {}, false);
  }
  if (in_fence_ || said.empty()) return emit(std::move(text), {}, false);
  std::vector<int> numbers = take_numbers(text, sources_.size());
  std::string_view trimmed = text;
  while (!trimmed.empty() && is_blank(trimmed.back())) trimmed.remove_suffix(1);
  if (trimmed.empty()) return {};  // it was numbers and nothing else
  if (is_refusal(text)) {
    const bool first = !claimed_;
    claimed_ = true;
    if (!first) return emit(std::move(text), {}, false);
    refused_ = true;
    if (options_.refusal.empty()) return emit(std::move(text), {}, false);
    silent_ = true;
    return emit(options_.refusal, {}, false);
  }
  const Words words = words_of(text);
  std::vector<const Source*> cited;
  if (!is_claim(words)) {  // "Yes [1]."
    if (trimmed.back() != ':') {
      for (const int number : numbers) cited.push_back(&sources_[static_cast<std::size_t>(number) - 1]);
    }
    return emit(std::move(text), cited, false);
  }
  for (const int number : numbers) {
    const Source& source = sources_[static_cast<std::size_t>(number) - 1];
    if (support(words, source) >= kSupported) cited.push_back(&source);
  }
  if (trimmed.back() == ':' || said.starts_with("#") || sources_.empty()) return emit(std::move(text), cited, false);
  if (cited.empty() && (options_.grounded || !numbers.empty())) {
    const auto best = std::max_element(sources_.begin(), sources_.end(), [&](const Source& a, const Source& b) {
      return support(words, a) < support(words, b);
    });
    if (support(words, *best) >= kSupported) cited.push_back(&*best);
  }
  if (!options_.grounded) return emit(std::move(text), cited, false);
  const bool first = !claimed_;
  claimed_ = true;
  if (cited.empty() && first && !options_.refusal.empty()) {
    silent_ = true;
    if (const Source* source = quotable()) return emit(source->citation.text, {source}, false);
    refused_ = true;
    return emit(options_.refusal, {}, false);
  }
  return emit(std::move(text), cited, cited.empty());
}

std::vector<Citation> CitationCheck::supporting(std::string_view text) const {
  const Words words = words_of(text);
  std::vector<std::pair<double, const Citation*>> found;
  for (const Source& source : sources_) {
    const double share = support(words, source);
    if (share >= kSupported) found.emplace_back(share, &source.citation);
  }
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<Citation> citations;
  for (const auto& [share, citation] : found) citations.push_back(*citation);
  return citations;
}

std::string CitationCheck::push(std::string_view text) {
  pending_ += text;
  std::string out;
  while (const std::size_t length = first_sentence(pending_, false)) {
    out += checked(std::string_view(pending_).substr(0, length));
    pending_.erase(0, length);
  }
  return out;
}

std::string CitationCheck::finish() {
  std::string out;
  while (const std::size_t length = first_sentence(pending_, true)) {
    out += checked(std::string_view(pending_).substr(0, length));
    pending_.erase(0, length);
  }
  return out;
}

std::vector<UrlCitation> sources_of(std::string_view question, const std::vector<Citation>& citations,
                                    std::string_view answer) {
  std::vector<UrlCitation> sources;
  for (const Citation& citation : CitationCheck(question, citations, {}).supporting(answer)) {
    if (!citation.uri.empty()) sources.push_back({citation.uri, citation.title, 0, characters_in(answer)});
  }
  return sources;
}

CheckedAnswer check_citations(std::string_view question, const std::vector<Citation>& citations,
                              std::string_view answer, CitationCheck::Options options) {
  CitationCheck check(question, citations, std::move(options));
  CheckedAnswer checked;
  checked.text = check.push(answer);
  checked.text += check.finish();
  checked.annotations = check.annotations();
  checked.refused = check.refused();
  checked.replaced = check.replaced();
  checked.unsupported = check.unsupported();
  return checked;
}

}  // namespace mnema
