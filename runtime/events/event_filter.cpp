#include "runtime/events/event_filter.hpp"

#include <boost/json/value.hpp>
#include <optional>
#include <vector>

#include "runtime/base/json.hpp"

namespace mnema {
namespace json = boost::json;
namespace {

constexpr std::size_t kBytesMax = 4096;
constexpr int kDepthMax = 32;

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool ends_word(char c) { return is_space(c) || std::string_view("()[]{}=!<>,\"").find(c) != std::string_view::npos; }

/// Whether `text` has the shape of `pattern`, where '*' stands for any text.
bool is_like(std::string_view text, std::string_view pattern) {
  std::size_t at = 0;
  std::size_t in_pattern = 0;
  std::size_t star = std::string_view::npos;  // the last one that was passed
  std::size_t resume = 0;                     // what it has taken so far ends here
  while (at < text.size()) {
    if (in_pattern < pattern.size() && pattern[in_pattern] == '*') {
      star = in_pattern++;
      resume = at;
    } else if (in_pattern < pattern.size() && pattern[in_pattern] == text[at]) {
      ++in_pattern;
      ++at;
    } else if (star != std::string_view::npos) {
      in_pattern = star + 1;
      at = ++resume;
    } else {
      return false;
    }
  }
  while (in_pattern < pattern.size() && pattern[in_pattern] == '*') ++in_pattern;
  return in_pattern == pattern.size();
}

/// Less than 0, 0 or more than 0; none: they cannot be compared.
std::optional<int> compare(const json::value& a, const json::value& b) {
  const auto sign = [](const auto& x, const auto& y) { return x < y ? -1 : y < x ? 1 : 0; };
  if (a.is_string() && b.is_string()) return sign(std::string_view(a.get_string()), std::string_view(b.get_string()));
  if (a.is_bool() && b.is_bool()) return sign(a.get_bool(), b.get_bool());
  if (a.is_null() && b.is_null()) return 0;
  if (!a.is_number() || !b.is_number()) return std::nullopt;
  if (a.is_int64() && b.is_int64()) return sign(a.get_int64(), b.get_int64());
  if (a.is_uint64() && b.is_uint64()) return sign(a.get_uint64(), b.get_uint64());
  return sign(a.to_number<double>(), b.to_number<double>());
}

}  // namespace

struct EventFilter::Node {
  enum class Kind { kAnd, kOr, kNot, kExists, kEqual, kUnequal, kLess, kAtMost, kMore, kAtLeast, kIn, kLike };
  Kind kind = Kind::kAnd;
  std::vector<std::shared_ptr<const Node>> parts;  // of kAnd, kOr, kNot
  std::string place;                               // of the others
  std::vector<json::value> values;                 // one, but for kIn
};

/// Recursive descent over the text.
class EventFilter::Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<std::shared_ptr<const Node>> whole() {
    if (text_.size() > kBytesMax) return wrong("has more than " + std::to_string(kBytesMax) + " bytes");
    ASSIGN_OR_RETURN(std::shared_ptr<const Node> node, disjunction(0));
    if (skip_space(); at_ != text_.size()) return wrong("goes on where it should end");
    return node;
  }

 private:
  using Kind = Node::Kind;
  using Made = Result<std::shared_ptr<const Node>>;

  [[nodiscard]] Error wrong(const std::string& problem) const {
    return fail(
        ErrorCode::kInvalidArgument,
        "the condition '" + std::string(text_) + "' " + problem + " (at character " + std::to_string(at_ + 1) + ")",
        "e.g. type like \"order.*\" and /amount >= 100");
  }

  void skip_space() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  }
  bool take(std::string_view sign) {
    skip_space();
    if (!text_.substr(at_).starts_with(sign)) return false;
    at_ += sign.size();
    return true;
  }
  bool take_word(std::string_view word) {
    skip_space();
    const std::string_view rest = text_.substr(at_);
    if (!rest.starts_with(word) || (rest.size() > word.size() && !ends_word(rest[word.size()]))) return false;
    at_ += word.size();
    return true;
  }

  /// `part`s with `word` between them.
  Made chain(Kind kind, std::string_view word, int depth, Made (Parser::*part)(int)) {
    ASSIGN_OR_RETURN(std::shared_ptr<const Node> first, (this->*part)(depth));
    if (!take_word(word)) return first;
    auto node = std::make_shared<Node>();
    node->kind = kind;
    node->parts.push_back(std::move(first));
    do {
      ASSIGN_OR_RETURN(std::shared_ptr<const Node> next, (this->*part)(depth));
      node->parts.push_back(std::move(next));
    } while (take_word(word));
    return std::shared_ptr<const Node>(std::move(node));
  }
  Made disjunction(int depth) { return chain(Kind::kOr, "or", depth, &Parser::conjunction); }
  Made conjunction(int depth) { return chain(Kind::kAnd, "and", depth, &Parser::negation); }

  Made negation(int depth) {
    if (depth > kDepthMax) return wrong("is nested more than " + std::to_string(kDepthMax) + " deep");
    if (take_word("not")) {
      ASSIGN_OR_RETURN(std::shared_ptr<const Node> part, negation(depth + 1));
      auto node = std::make_shared<Node>();
      node->kind = Kind::kNot;
      node->parts.push_back(std::move(part));
      return std::shared_ptr<const Node>(std::move(node));
    }
    if (take("(")) {
      ASSIGN_OR_RETURN(std::shared_ptr<const Node> inner, disjunction(depth + 1));
      if (!take(")")) return wrong("lacks a ')'");
      return inner;
    }
    return condition();
  }

  Result<std::string> place() {
    skip_space();
    std::size_t end = at_;
    if (take("{")) {
      end = text_.find('}', at_);
      if (end == std::string_view::npos) return wrong("has a '{' without a '}'");
      std::string name(text_.substr(at_, end - at_));
      at_ = end + 1;
      if (name.empty()) return wrong("has empty braces");
      return name;
    }
    while (end < text_.size() && !ends_word(text_[end])) ++end;
    if (end == at_) return wrong("lacks the name of a place");
    std::string name(text_.substr(at_, end - at_));
    if (name == "and" || name == "or" || name == "in" || name == "like" || name == "exists")
      return wrong("has '" + name + "' where the name of a place should stand");
    at_ = end;
    return name;
  }

  Result<json::value> value() {
    skip_space();
    std::size_t end = at_;
    if (end < text_.size() && text_[end] == '"') {
      for (++end; end < text_.size() && text_[end] != '"'; ++end) end += text_[end] == '\\' ? 1 : 0;
      ++end;
    } else {
      while (end < text_.size() && !ends_word(text_[end])) ++end;
    }
    const Result<json::value> parsed =
        parse_bounded_json(text_.substr(at_, std::min(end, text_.size()) - at_), "a value");
    if (!parsed.ok() || parsed->is_object() || parsed->is_array()) {
      return wrong("lacks a value: a text in double quotes, a number, true, false or null");
    }
    at_ = end;
    return *parsed;
  }

  Made condition() {
    auto node = std::make_shared<Node>();
    ASSIGN_OR_RETURN(node->place, place());
    if (take_word("exists")) {
      node->kind = Kind::kExists;
      return std::shared_ptr<const Node>(std::move(node));
    }
    if (take_word("in")) {
      node->kind = Kind::kIn;
      if (!take("[")) return wrong("lacks a '['");
      do {
        ASSIGN_OR_RETURN(json::value one, value());
        node->values.push_back(std::move(one));
      } while (take(","));
      if (!take("]")) return wrong("lacks a ']'");
      return std::shared_ptr<const Node>(std::move(node));
    }
    static constexpr std::pair<std::string_view, Kind> kSigns[] = {
        {"==", Kind::kEqual},   {"=", Kind::kEqual}, {"!=", Kind::kUnequal}, {"<=", Kind::kAtMost},
        {">=", Kind::kAtLeast}, {"<", Kind::kLess},  {">", Kind::kMore}};
    bool known = take_word("like");
    if (known) node->kind = Kind::kLike;
    for (const auto& [sign, kind] : kSigns) {
      if (known || !take(sign)) continue;
      known = true;
      node->kind = kind;
    }
    if (!known) return wrong("lacks a comparison (=, !=, <, <=, >, >=, in, like, exists)");
    ASSIGN_OR_RETURN(json::value against, value());
    if (node->kind == Kind::kLike && !against.is_string()) return wrong("compares by 'like' with no text");
    node->values.push_back(std::move(against));
    return std::shared_ptr<const Node>(std::move(node));
  }

  const std::string_view text_;
  std::size_t at_ = 0;
};

/// One event, whose payload is parsed when it is first looked into.
class EventFilter::Reading {
 public:
  explicit Reading(const Event& event) : event_(event) {}

  [[nodiscard]] bool fits(const Node& node) {
    using Kind = Node::Kind;
    switch (node.kind) {
      case Kind::kAnd:
        for (const auto& part : node.parts) {
          if (!fits(*part)) return false;
        }
        return true;
      case Kind::kOr:
        for (const auto& part : node.parts) {
          if (fits(*part)) return true;
        }
        return false;
      case Kind::kNot:
        return !fits(*node.parts.front());
      default:
        break;
    }
    const std::optional<json::value> found = at(node.place);
    if (node.kind == Kind::kExists) return found.has_value();
    if (!found) return false;
    if (node.kind == Kind::kLike) {
      return found->is_string() &&
             is_like(std::string_view(found->get_string()), std::string_view(node.values.front().get_string()));
    }
    if (node.kind == Kind::kIn) {
      for (const json::value& value : node.values) {
        if (compare(*found, value) == 0) return true;
      }
      return false;
    }
    const std::optional<int> order = compare(*found, node.values.front());
    if (!order) return false;
    switch (node.kind) {
      case Kind::kEqual:
        return *order == 0;
      case Kind::kUnequal:
        return *order != 0;
      case Kind::kLess:
        return *order < 0;
      case Kind::kAtMost:
        return *order <= 0;
      case Kind::kMore:
        return *order > 0;
      default:
        return *order >= 0;
    }
  }

 private:
  [[nodiscard]] std::optional<json::value> at(const std::string& place) {
    if (place.front() != '/') return field(place);
    if (!parsed_) {
      parsed_ = true;
      if (Result<json::value> payload = parse_bounded_json(event_.data, "the event's payload"); payload.ok()) {
        payload_ = std::move(*payload);
      }
    }
    if (!payload_) return std::nullopt;
    boost::system::error_code error;
    const json::value* found = payload_->find_pointer(place, error);
    if (found == nullptr) return std::nullopt;
    return *found;
  }

  [[nodiscard]] std::optional<json::value> field(const std::string& name) const {
    const std::pair<std::string_view, const std::string*> fields[] = {
        {"type", &event_.type}, {"source", &event_.source}, {"subject", &event_.subject}, {"user", &event_.user},
        {"id", &event_.id},     {"key", &event_.key},       {"tenant", &event_.tenant}};
    for (const auto& [known, value] : fields) {
      if (known != name) continue;
      if (value->empty()) return std::nullopt;
      return json::value(*value);
    }
    const auto attribute = event_.attributes.find(name);
    if (attribute == event_.attributes.end()) return std::nullopt;
    return json::value(attribute->second);
  }

  const Event& event_;
  bool parsed_ = false;
  std::optional<json::value> payload_;
};

Result<EventFilter> EventFilter::parse(std::string_view text) {
  ASSIGN_OR_RETURN(std::shared_ptr<const Node> root, Parser(text).whole());
  return EventFilter(std::move(root));
}

bool EventFilter::fits(const Event& event) const { return Reading(event).fits(*root_); }

}  // namespace mnema
