#include "memory/semantic/predicates.hpp"

#include <algorithm>
#include <array>

namespace mnema {
namespace {

constexpr std::array kArticles = {"the", "a", "an", "my", "our", "his", "her", "their", "some", "this", "that"};

bool is_vowel(char c) { return c == 'a' || c == 'e' || c == 'i' || c == 'o' || c == 'u'; }

/// "volvos" and "volvo", "smoking" and "smoke", "puppies" and "puppy" become the same.
std::string without_ending(std::string word) {
  const auto ends = [&](std::string_view ending) {
    return word.size() >= ending.size() + 3 && std::string_view(word).ends_with(ending);
  };
  if (std::any_of(word.begin(), word.end(), [](char c) { return c < 'a' || c > 'z'; })) return word;
  if (ends("ies")) {
    word.replace(word.size() - 3, 3, "y");
  } else if (ends("s") && !ends("ss") && !ends("us") && !ends("is")) {
    word.pop_back();
  }
  if (ends("ing")) {
    word.resize(word.size() - 3);
    const std::size_t size = word.size();
    if (size >= 3 && word[size - 1] == word[size - 2] && !is_vowel(word[size - 1])) word.pop_back();
  }
  if (word.size() > 3 && word.back() == 'e') word.pop_back();
  return word;
}

}  // namespace

const std::vector<Predicate>& predicates() {
  static const std::vector<Predicate> all = {
      {"name", true},      {"nickname", true},   {"location", true},     {"comes from", true},   {"job", true},
      {"employer", true},  {"studies", true},    {"birthday", true},     {"age", true},          {"email", true},
      {"phone", true},     {"diet", true},       {"spouse", true},       {"wife", true},         {"husband", true},
      {"partner", true},   {"mother", true},     {"father", true},       {"boss", true},         {"girlfriend", true},
      {"boyfriend", true}, {"price", true},      {"level", true},        {"state", true},        {"date", true},
      {"likes", false},    {"prefers", false},   {"allergic to", false}, {"drinks", false},      {"eats", false},
      {"habit", false},    {"has pet", false},   {"owns", false},        {"speaks", false},      {"plays", false},
      {"uses", false},     {"sister", false},    {"brother", false},     {"son", false},         {"daughter", false},
      {"friend", false},   {"colleague", false}, {"roommate", false},    {"neighbour", false},   {"cousin", false},
      {"aunt", false},     {"uncle", false},     {"grandmother", false}, {"grandfather", false},
  };
  return all;
}

bool is_single_valued(std::string_view predicate) {
  const auto& all = predicates();
  const auto known =
      std::find_if(all.begin(), all.end(), [&](const Predicate& entry) { return entry.name == predicate; });
  return known == all.end() || known->is_single;
}

std::string fact_key(std::string_view text) {
  std::vector<std::string> words(1);
  for (const char c : text) {
    const bool blank = c == ' ' || c == '\t' || c == '\n' || c == '\r';
    if (blank && !words.back().empty()) words.emplace_back();
    if (!blank) words.back() += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  if (words.back().empty()) words.pop_back();
  std::size_t first = 0;
  while (first + 1 < words.size() && std::find(kArticles.begin(), kArticles.end(), words[first]) != kArticles.end()) {
    ++first;
  }
  std::string key;
  for (std::size_t i = first; i < words.size(); ++i) key += (key.empty() ? "" : " ") + without_ending(words[i]);
  return key;
}

}  // namespace mnema
