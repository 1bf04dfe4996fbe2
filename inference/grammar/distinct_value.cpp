#include "inference/grammar/distinct_value.hpp"

#include <algorithm>

#include "runtime/base/code_points.hpp"

namespace mnema::grammar {
namespace {

constexpr std::size_t kNodeBytes = sizeof(DistinctValue) + 32;

class Reader {
 public:
  explicit Reader(std::string_view json) : left_(json) {}

  std::unique_ptr<DistinctValue> value() {
    auto made = std::make_unique<DistinctValue>();
    skip_blanks();
    switch (peek()) {
      case '"':
        made->kind = DistinctValue::Kind::kString;
        made->text = string();
        break;
      case '[':
      case '{':
        read_children(*made);
        break;
      case 't':
      case 'f':
      case 'n':
        made->text = take_while([](char c) { return c >= 'a' && c <= 'z'; });
        break;
      default:
        made->kind = DistinctValue::Kind::kNumber;
        made->number = Decimal::parse(
            take_while([](char c) { return (c >= '0' && c <= '9') || std::string_view("+-.eE").find(c) < 5; }));
    }
    return made;
  }

 private:
  char peek() const { return left_.empty() ? '\0' : left_.front(); }
  void skip(std::size_t count) { left_.remove_prefix(std::min(count, left_.size())); }
  void skip_blanks() { skip(std::min(left_.find_first_not_of(" \t\r\n"), left_.size())); }
  template <class Predicate>
  std::string_view take_while(const Predicate& predicate) {
    const auto end = std::find_if_not(left_.begin(), left_.end(), predicate);
    const std::string_view taken = left_.substr(0, static_cast<std::size_t>(end - left_.begin()));
    skip(taken.size());
    return taken;
  }

  void read_children(DistinctValue& of) {
    const bool object = peek() == '{';
    of.kind = object ? DistinctValue::Kind::kObject : DistinctValue::Kind::kArray;
    const char end = object ? '}' : ']';
    skip(1);
    for (skip_blanks(); !left_.empty() && peek() != end; skip_blanks()) {
      std::string name;
      if (object) {
        name = string();
        skip_blanks();
        skip(1);  // the colon
      }
      std::unique_ptr<DistinctValue> child = value();
      child->name = std::move(name);
      child->parent = &of;
      of.children.push_back(std::move(child));
      skip_blanks();
      if (peek() == ',') skip(1);
    }
    skip(1);
  }

  std::uint32_t unit() {
    std::uint32_t value = 0;
    for (const char c : left_.substr(0, 4)) {
      const int digit = c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
      value = value << 4 | static_cast<std::uint32_t>(digit & 15);
    }
    skip(4);
    return value;
  }

  std::string string() {
    std::string text;
    for (skip(1); !left_.empty() && peek() != '"';) {
      const char c = peek();
      skip(1);
      if (c != '\\') {
        text += c;
        continue;
      }
      const char escape = peek();
      skip(1);
      constexpr std::string_view kLetters = "bfnrt";
      if (const std::size_t at = kLetters.find(escape); at < kLetters.size()) {
        text += "\b\f\n\r\t"[at];
      } else if (escape != 'u') {
        text += escape;
      } else {
        std::uint32_t code_point = unit();
        if (code_point >= 0xD800 && code_point < 0xDC00 && left_.starts_with("\\u")) {
          skip(2);
          code_point = 0x10000 + ((code_point - 0xD800) << 10) + ((unit() - 0xDC00) & 0x3ff);
        }
        append_utf8(text, code_point);
      }
    }
    skip(1);
    return text;
  }

  std::string_view left_;
};

}  // namespace

const DistinctValue* DistinctValue::member(std::string_view of_name) const {
  const auto found =
      std::find_if(children.begin(), children.end(), [&](const auto& one) { return one->name == of_name; });
  return found != children.end() ? found->get() : nullptr;
}

std::size_t DistinctValue::bytes() const {
  std::size_t sum = kNodeBytes + text.size() + name.size();
  for (const auto& child : children) sum += child->bytes();
  return sum;
}

std::unique_ptr<DistinctValue> read_distinct_value(std::string_view json) { return Reader(json).value(); }

}  // namespace mnema::grammar
