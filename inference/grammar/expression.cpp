#include "inference/grammar/expression.hpp"

#include <algorithm>

namespace mnema::grammar {
namespace {

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
  return characters(subtract({{0, 0xD7FF}, {0xE000, kCodePointMax}}, std::move(ranges)));
}

Expression sequence(std::vector<Expression> parts) {
  if (parts.size() == 1) return parts.front();
  auto node = node_of(Node::Kind::kSequence);
  node->children = std::move(parts);
  return node;
}

Expression alternatives(std::vector<Expression> choices) {
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

std::vector<CodePointRange> normalised(std::vector<CodePointRange> ranges) {
  std::sort(ranges.begin(), ranges.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<CodePointRange> merged;
  for (const CodePointRange& range : ranges) {
    if (!merged.empty() && range.first <= merged.back().last + 1) {
      merged.back().last = std::max(merged.back().last, range.last);
    } else {
      merged.push_back(range);
    }
  }
  return merged;
}

std::vector<CodePointRange> subtract(std::vector<CodePointRange> ranges, std::vector<CodePointRange> excluded) {
  const std::vector<CodePointRange> holes = normalised(std::move(excluded));
  std::vector<CodePointRange> left;
  auto hole = holes.begin();
  for (CodePointRange range : normalised(std::move(ranges))) {
    while (hole != holes.end() && hole->last < range.first) ++hole;
    // The last hole that reaches into this range may reach into the next one too.
    for (auto in = hole; in != holes.end() && in->first <= range.last; hole = in++) {
      if (in->first > range.first) left.push_back({range.first, in->first - 1});
      range.first = in->last + 1;
    }
    if (range.first <= range.last) left.push_back(range);
  }
  return left;
}

}  // namespace mnema::grammar
