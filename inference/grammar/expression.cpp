#include "inference/grammar/expression.hpp"

#include <algorithm>

namespace mnema::grammar {
namespace {

constexpr std::size_t kNotesMax = 16;

std::shared_ptr<Node> node_of(Node::Kind kind) {
  auto node = std::make_shared<Node>();
  node->kind = kind;
  return node;
}

}  // namespace

int Rules::declare(std::string name) {
  rules.push_back({std::move(name), nullptr});
  return static_cast<int>(rules.size()) - 1;
}

void Rules::note(std::string text) {
  if (notes.size() < kNotesMax && std::find(notes.begin(), notes.end(), text) == notes.end())
    notes.push_back(std::move(text));
}

Expression literal(std::string_view bytes) {
  auto node = node_of(Node::Kind::kLiteral);
  node->literal = bytes;
  return node;
}

Expression characters(std::vector<CodePointRange> ranges) {
  auto node = node_of(Node::Kind::kCharacters);
  node->characters = normalised(std::move(ranges));
  return node;
}

Expression characters_except(std::vector<CodePointRange> ranges) {
  return characters(all_code_points_but(std::move(ranges)));
}

Expression sequence(std::vector<Expression> parts) {
  if (parts.size() == 1) return parts.front();
  auto node = node_of(Node::Kind::kSequence);
  node->children = std::move(parts);
  return node;
}

Expression alternatives(std::vector<Expression> choices) {
  choices.erase(std::remove_if(choices.begin(), choices.end(), is_never), choices.end());
  if (choices.size() == 1) return choices.front();
  auto node = node_of(Node::Kind::kAlternatives);
  node->children = std::move(choices);
  return node;
}

Expression repeat(Expression body, int min, int max) {
  auto node = node_of(Node::Kind::kRepeat);
  node->children.push_back(std::move(body));
  node->repeat_min = min;
  node->repeat_max = max;
  return node;
}

Expression optional(Expression body) { return repeat(std::move(body), 0, 1); }

Expression reference(int rule) {
  auto node = node_of(Node::Kind::kRule);
  node->rule = rule;
  return node;
}

Expression states(std::vector<Node::State> states) {
  auto node = node_of(Node::Kind::kStates);
  node->states = std::move(states);
  return node;
}

Expression distinct() {
  static const Expression kDistinct = node_of(Node::Kind::kDistinct);
  return kDistinct;
}

Expression never() {
  static const Expression kNever = node_of(Node::Kind::kAlternatives);
  return kNever;
}

bool is_never(const Expression& expression) {
  if (expression->kind == Node::Kind::kAlternatives) return expression->children.empty();
  return expression->kind == Node::Kind::kSequence &&
         std::any_of(expression->children.begin(), expression->children.end(), is_never);
}

}  // namespace mnema::grammar
