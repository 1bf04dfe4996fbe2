#include "cli/bench/answer_questions.hpp"

#include <toml++/toml.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <sstream>

namespace mnema {
namespace {

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || (static_cast<unsigned char>(c) & 0x80U) != 0;
}

/// Lower case, one blank for many.
std::string folded(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isspace(byte) == 0) {
      result += static_cast<char>(std::tolower(byte));
    } else if (!result.empty() && result.back() != ' ') {
      result += ' ';
    }
  }
  if (!result.empty() && result.back() == ' ') result.pop_back();
  return result;
}

/// A text, or an array of texts.
std::vector<std::string> texts_of(const toml::node* node) {
  std::vector<std::string> texts;
  if (node == nullptr) return texts;
  if (const auto one = node->value<std::string>()) return {*one};
  if (const toml::array* several = node->as_array()) {
    for (const toml::node& each : *several) {
      if (const auto text = each.value<std::string>()) texts.push_back(*text);
    }
  }
  return texts;
}

Result<AnswerQuestion> question_from(const toml::table& table, std::size_t number) {
  AnswerQuestion question;
  question.ask = table["ask"].value_or(std::string());
  question.answerable = table["answerable"].value_or(true);
  question.documents = texts_of(table.get("document"));
  if (const toml::array* facts = table["facts"].as_array()) {
    for (const toml::node& fact : *facts) question.facts.push_back(texts_of(&fact));
  }
  const auto lacks = [&](const std::string& what) {
    return fail(ErrorCode::kInvalidArgument, "question " + std::to_string(number) + " has no " + what,
                "see cli/bench/answer_questions.hpp for the format");
  };
  if (question.ask.empty()) return lacks("'ask'");
  const bool empty_fact = std::any_of(question.facts.begin(), question.facts.end(), [](const auto& fact) {
    return fact.empty() || std::any_of(fact.begin(), fact.end(), [](const auto& text) { return text.empty(); });
  });
  if (question.answerable && (question.facts.empty() || empty_fact)) return lacks("'facts', or an empty one");
  if (question.answerable && question.documents.empty()) return lacks("'document'");
  return question;
}

}  // namespace

Result<std::vector<AnswerQuestion>> parse_questions(std::string_view text) {
  toml::table root;
  try {
    root = toml::parse(text);
  } catch (const toml::parse_error& error) {
    return fail(ErrorCode::kInvalidArgument,
                "line " + std::to_string(error.source().begin.line) + ": " + std::string(error.description()));
  }
  std::vector<AnswerQuestion> questions;
  const toml::array* listed = root["question"].as_array();
  if (listed == nullptr || listed->empty()) {
    return fail(ErrorCode::kInvalidArgument, "there is no [[question]]", "see cli/bench/answer_questions.hpp");
  }
  for (const toml::node& node : *listed) {
    const toml::table* table = node.as_table();
    if (table == nullptr) return fail(ErrorCode::kInvalidArgument, "'question' must be an array of tables");
    ASSIGN_OR_RETURN(AnswerQuestion question, question_from(*table, questions.size() + 1));
    questions.push_back(std::move(question));
  }
  return questions;
}

Result<std::vector<AnswerQuestion>> read_questions(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return fail(ErrorCode::kNotFound, "cannot read " + file);
  std::ostringstream text;
  text << stream.rdbuf();
  Result<std::vector<AnswerQuestion>> questions = parse_questions(text.str());
  if (questions.ok()) return questions;
  Error error = questions.error();
  error.message = file + ": " + error.message;
  return error;
}

bool stands_in(std::string_view answer, std::string_view spelling) {
  const std::string text = folded(answer);
  const std::string wanted = folded(spelling);
  if (wanted.empty()) return false;
  for (std::size_t at = text.find(wanted); at != std::string::npos; at = text.find(wanted, at + 1)) {
    const std::size_t end = at + wanted.size();
    const bool begins = at == 0 || !is_word(wanted.front()) || !is_word(text[at - 1]);
    const bool ends = end == text.size() || !is_word(wanted.back()) || !is_word(text[end]);
    if (begins && ends) return true;
  }
  return false;
}

bool has_facts(const AnswerQuestion& question, std::string_view answer) {
  return std::all_of(question.facts.begin(), question.facts.end(), [&](const std::vector<std::string>& fact) {
    return std::any_of(fact.begin(), fact.end(), [&](const std::string& text) { return stands_in(answer, text); });
  });
}

bool cites_document(const AnswerQuestion& question, const std::vector<std::string>& urls) {
  return std::any_of(urls.begin(), urls.end(), [&](const std::string& url) {
    const std::string_view file = std::string_view(url).substr(0, url.find('#'));
    return std::any_of(question.documents.begin(), question.documents.end(),
                       [&](const std::string& document) { return file.ends_with(document); });
  });
}

}  // namespace mnema
