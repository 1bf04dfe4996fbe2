#include "agents/citations.hpp"

#include <algorithm>
#include <cctype>
#include <set>

namespace mnema {
namespace {

constexpr std::size_t kContentWordLetters = 4;
constexpr double kSupported = 0.5;

std::set<std::string> content_words(std::string_view text) {
  std::set<std::string> words;
  std::string word;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    const auto c = i < text.size() ? static_cast<unsigned char>(text[i]) : static_cast<unsigned char>(' ');
    if (std::isalnum(c) || c >= 0x80) {
      word += static_cast<char>(std::tolower(c));
    } else {
      if (word.size() >= kContentWordLetters) words.insert(word);
      word.clear();
    }
  }
  return words;
}

void append_lines(std::string& text, const std::vector<Citation>& citations) {
  for (const Citation& citation : citations) {
    text += "[" + std::to_string(citation.number) + "] " + citation.title;
    if (!citation.uri.empty() && citation.uri != citation.title) text += " (" + citation.uri + ")";
    text += "\n";
  }
  text.pop_back();
}

}  // namespace

std::vector<Citation> cited_in(std::string_view answer, const std::vector<Citation>& citations) {
  std::vector<Citation> found;
  for (std::size_t i = 0; i < answer.size(); ++i) {
    if (answer[i] != '[') continue;
    int number = 0;
    std::size_t end = i + 1;
    while (end < answer.size() && end < i + 5 && std::isdigit(static_cast<unsigned char>(answer[end]))) {
      number = number * 10 + (answer[end++] - '0');
    }
    if (end == i + 1 || end >= answer.size() || answer[end] != ']') continue;
    const auto same_number = [number](const Citation& citation) { return citation.number == number; };
    const auto citation = std::find_if(citations.begin(), citations.end(), same_number);
    if (citation == citations.end() || std::any_of(found.begin(), found.end(), same_number)) continue;
    found.push_back(*citation);
  }
  return found;
}

double word_support(std::string_view answer, std::string_view passage) {
  const std::set<std::string> wanted = content_words(answer);
  if (wanted.empty()) return 0;
  const std::set<std::string> there = content_words(passage);
  const auto common =
      std::count_if(wanted.begin(), wanted.end(), [&](const auto& word) { return there.contains(word); });
  return static_cast<double>(common) / static_cast<double>(wanted.size());
}

Sources sources_of(std::string_view answer, const std::vector<Citation>& citations) {
  Sources sources{cited_in(answer, citations), true};
  if (!sources.citations.empty()) return sources;
  sources.cited_by_model = false;
  std::vector<std::pair<double, Citation>> supporting;
  for (const Citation& citation : citations) {
    const double support = word_support(answer, citation.text);
    if (support >= kSupported) supporting.emplace_back(support, citation);
  }
  std::stable_sort(supporting.begin(), supporting.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  for (auto& [support, citation] : supporting) sources.citations.push_back(std::move(citation));
  return sources;
}

std::string sources_text(std::string_view answer, const std::vector<Citation>& citations) {
  if (citations.empty()) return {};
  const Sources sources = sources_of(answer, citations);
  std::string text = sources.citations.empty() ? "\n\nPassages read:\n" : "\n\nSources:\n";
  append_lines(text, sources.citations.empty() ? citations : sources.citations);
  return text;
}

}  // namespace mnema
