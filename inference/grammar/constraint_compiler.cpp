#include "inference/grammar/constraint_compiler.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "inference/grammar/answer_grammar.hpp"
#include "inference/grammar/gbnf.hpp"
#include "inference/grammar/schema_grammar.hpp"
#include "inference/grammar/tool_call_grammar.hpp"
#include "runtime/base/log.hpp"

namespace mnema::grammar {
namespace {

constexpr std::size_t kRecentMax = 32;
/// A matcher that has learned more than this is left to its masks and begun anew, with capacity to go on.
constexpr std::size_t kMatcherBytesMax = Matcher::kBytesMax / 2;

template <class Shape>
Result<Rules> rules_of_shape(const Shape& shape) {
  Rules rules;
  rules.root = rules.declare("root");
  ASSIGN_OR_RETURN(const Expression body, expression_of(shape, rules));
  rules.rules[static_cast<std::size_t>(rules.root)].body = body;
  return rules;
}

Result<Rules> rules_of(const Constraint& constraint) {
  if (const auto* schema = std::get_if<JsonSchemaConstraint>(&constraint)) return rules_of_schema(schema->schema);
  if (const auto* gbnf = std::get_if<GrammarConstraint>(&constraint)) return parse_gbnf(gbnf->gbnf);
  if (const auto* choice = std::get_if<ChoiceConstraint>(&constraint)) return rules_of_shape(*choice);
  if (const auto* regex = std::get_if<RegexConstraint>(&constraint)) return rules_of_shape(*regex);
  if (const auto* calls = std::get_if<ToolCallConstraint>(&constraint)) return rules_of_tool_calls(*calls);
  return rules_of_shape(JsonObjectConstraint{});
}

/// Texts that name equal constraints.
std::string key_of(const Constraint& constraint) {
  if (const auto* schema = std::get_if<JsonSchemaConstraint>(&constraint)) {
    return "schema " + boost::json::serialize(schema->schema);
  }
  if (const auto* gbnf = std::get_if<GrammarConstraint>(&constraint)) return "gbnf " + gbnf->gbnf;
  if (const auto* regex = std::get_if<RegexConstraint>(&constraint)) return "regex " + regex->pattern;
  if (const auto* choice = std::get_if<ChoiceConstraint>(&constraint)) {
    std::string key = "choice";
    for (const std::string& text : choice->choices) key += " " + std::to_string(text.size()) + ":" + text;
    return key;
  }
  if (const auto* calls = std::get_if<ToolCallConstraint>(&constraint)) {
    boost::json::array key{calls->several, calls->may_reason, calls->in_reasoning};
    for (const ToolDefinition& tool : calls->tools) key.push_back({tool.name, tool.parameters});
    std::string shape = "none";
    if (calls->answer == ToolCallConstraint::Answer::kText) shape = "text";
    if (calls->answer == ToolCallConstraint::Answer::kShape) {
      shape = std::visit([](const auto& of) { return key_of(Constraint(of)); }, calls->shape);
    }
    return "calls " + boost::json::serialize(key) + " " + shape;
  }
  return "object";
}

}  // namespace

ConstraintCompiler::ConstraintCompiler(std::shared_ptr<const Tokenizer> tokenizer, const Limits& limits)
    : tokenizer_(std::move(tokenizer)), limits_(limits) {}

Result<std::unique_ptr<TokenMask>> ConstraintCompiler::compile(const Constraint& constraint) {
  if (std::holds_alternative<NoConstraint>(constraint)) return std::unique_ptr<TokenMask>();
  ASSIGN_OR_RETURN(std::shared_ptr<SharedMatcher> matcher, matcher_for(key_of(constraint), constraint));
  return std::unique_ptr<TokenMask>(std::make_unique<GrammarMask>(std::move(matcher)));
}

Result<std::shared_ptr<SharedMatcher>> ConstraintCompiler::matcher_for(const std::string& key,
                                                                       const Constraint& constraint) {
  if (std::shared_ptr<SharedMatcher> known = recent(key)) return known;
  // Not under the lock: a large grammar takes its time, and others are not to wait for it.
  ASSIGN_OR_RETURN(const Rules rules, rules_of(constraint));
  for (const std::string& note : rules.notes) log_info("grammar", note);
  ASSIGN_OR_RETURN(Automaton automaton, Automaton::compile(rules, limits_));
  auto matcher =
      std::make_shared<SharedMatcher>(Matcher(std::make_shared<const Automaton>(std::move(automaton))), trie());
  const std::lock_guard lock(mutex_);
  recent_.remove_if([&](const Entry& entry) { return entry.key == key; });
  recent_.push_front({key, matcher});
  if (recent_.size() > kRecentMax) recent_.pop_back();
  return matcher;
}

std::shared_ptr<SharedMatcher> ConstraintCompiler::recent(const std::string& key) {
  std::shared_ptr<SharedMatcher> found;
  {
    const std::lock_guard lock(mutex_);
    const auto known =
        std::find_if(recent_.begin(), recent_.end(), [&](const Entry& entry) { return entry.key == key; });
    if (known == recent_.end()) return nullptr;
    recent_.splice(recent_.begin(), recent_, known);
    found = known->matcher;
  }
  const std::lock_guard lock(found->mutex);
  return found->matcher.bytes() < kMatcherBytesMax ? found : nullptr;
}

std::shared_ptr<const VocabularyTrie> ConstraintCompiler::trie() {
  const std::lock_guard lock(mutex_);
  if (!trie_) {
    trie_ = std::make_shared<const VocabularyTrie>(*tokenizer_);
    // The inside of a JSON string: nearly every schema has one, and its table takes some milliseconds.
    CharacterSet inside_strings{{}, true};
    for (std::size_t byte = 0x20; byte < 0x80; ++byte) inside_strings.ascii.set(byte, byte != '"' && byte != '\\');
    (void)trie_->plain_tokens(inside_strings);
  }
  return trie_;
}

}  // namespace mnema::grammar
