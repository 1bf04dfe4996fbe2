#include "inference/grammar/distinct_elements.hpp"

#include <algorithm>
#include <atomic>

#include "runtime/base/check.hpp"
#include "runtime/base/code_points.hpp"

namespace mnema::grammar {
namespace {

using Kind = DistinctValue::Kind;

constexpr std::size_t kDropAtOnce = 1024;  // bytes of the text

bool is_number_byte(char byte) {
  return (byte >= '0' && byte <= '9') || byte == '-' || byte == '+' || byte == '.' || byte == 'e' || byte == 'E';
}

bool is_blank(char byte) { return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r'; }

bool is_hexadecimal(char byte) {
  return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f') || (byte >= 'A' && byte <= 'F');
}

char unescaped(char escape) {
  switch (escape) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return escape;
  }
}

/// Whether a number that begins with this text may be `other`: what follows adds digits, or moves the point.
bool may_become(std::string_view text, const DistinctValue& other) {
  if (!other.number) return true;
  std::string digits;
  for (const char c : text.substr(0, text.find_first_of("eE"))) {
    if (c >= '0' && c <= '9' && !(digits.empty() && c == '0')) digits += c;
  }
  if (digits.empty()) return true;
  if (text.starts_with('-') != other.number->is_negative()) return false;
  if (other.number->digits().starts_with(digits)) return true;
  return other.number->digits() == digits.substr(0, digits.find_last_not_of('0') + 1);
}

}  // namespace

bool DistinctElements::quiet() const {
  return std::all_of(scopes_.begin(), scopes_.end(), [](const Scope& scope) { return scope.equal.empty(); });
}

bool DistinctElements::take(bool opens_distinct, const std::string& text) {
  const char byte = text.back();
  if (idle()) {
    if (opens_distinct) open(byte == '{', true);
    return true;
  }
  switch (lexer_) {
    case Lexer::kString:
      if (byte == '"') return end_string(text);
      if (byte == '\\') {
        lexer_ = Lexer::kEscape;
      } else {
        take_character_byte(byte);
      }
      return true;
    case Lexer::kEscape:
      lexer_ = byte == 'u' ? Lexer::kHex : Lexer::kString;
      left_ = 4;
      unit_ = 0;
      if (byte != 'u') take_character_byte(unescaped(byte));
      return true;
    case Lexer::kHex:
      if (!is_hexadecimal(byte)) return give_up();
      unit_ = unit_ << 4 | static_cast<std::uint32_t>(byte <= '9' ? byte - '0' : (byte | 0x20) - 'a' + 10);
      if (--left_ == 0) take_unit();
      return true;
    case Lexer::kWord:
      take_character_byte(byte);
      return --left_ > 0 || end_value(text, text.size());
    case Lexer::kNumber:
      if (!is_number_byte(byte)) return end_number(text) && take_structure(byte, opens_distinct, text);
      if (!quiet()) {
        written_ += byte;
        narrow_numbers();
      }
      return true;
    default:
      return take_structure(byte, opens_distinct, text);
  }
}

bool DistinctElements::take_structure(char byte, bool opens_distinct, const std::string& text) {
  if (is_blank(byte)) return true;
  if (!may_stand(byte)) return give_up();
  switch (byte) {
    case '"':
      if (lexer_ == Lexer::kBeforeName) {
        begin_name(text);
      } else {
        begin_value(Kind::kString, text);
      }
      lexer_ = Lexer::kString;
      return true;
    case '{':
    case '[':
      if (containers_.size() >= kDepthMax) return false;
      begin_value(byte == '{' ? Kind::kObject : Kind::kArray, text);
      open(byte == '{', opens_distinct);
      return true;
    case '}':
    case ']':
      return close(text);
    case ',':
      return begin_next();
    case ':':
      lexer_ = Lexer::kBeforeValue;
      return true;
    case 't':
    case 'f':
    case 'n':
      begin_value(Kind::kWord, text);
      lexer_ = Lexer::kWord;
      left_ = byte == 'f' ? 4 : 3;
      take_character_byte(byte);
      return true;
    default:
      begin_value(Kind::kNumber, text);
      lexer_ = Lexer::kNumber;
      if (!quiet()) {
        written_ += byte;
        narrow_numbers();
      }
      return true;
  }
}

/// Whether JSON has this byte here, between its strings, numbers and words.
bool DistinctElements::may_stand(char byte) const {
  const bool in_object = containers_.back().is_object;
  switch (byte) {
    case '"':
      return lexer_ == Lexer::kBeforeName || lexer_ == Lexer::kBeforeValue;
    case '}':
      return in_object && (lexer_ == Lexer::kAfter || lexer_ == Lexer::kBeforeName);
    case ']':
      return !in_object && (lexer_ == Lexer::kAfter || lexer_ == Lexer::kBeforeValue);
    case ',':
      return lexer_ == Lexer::kAfter;
    case ':':
      return lexer_ == Lexer::kAfterName;
    case '{':
    case '[':
    case 't':
    case 'f':
    case 'n':
      return lexer_ == Lexer::kBeforeValue;
    default:
      return lexer_ == Lexer::kBeforeValue && (byte == '-' || (byte >= '0' && byte <= '9'));
  }
}

/// The text is no JSON: whatever reads it further, it is not the rule that asked for different elements.
bool DistinctElements::give_up() {
  *this = {};
  return true;
}

void DistinctElements::open(bool is_object, bool distinct) {
  if (distinct) scopes_.push_back({containers_.size(), std::make_shared<Elements>(), {}, 0, false, 0, {}});
  containers_.push_back({is_object, distinct, 0});
  lexer_ = is_object ? Lexer::kBeforeName : Lexer::kBeforeValue;
}

bool DistinctElements::close(const std::string& text) {
  const Container closed = containers_.back();
  containers_.pop_back();
  if (closed.distinct) {
    bytes_ -= scopes_.back().bytes;
    scopes_.pop_back();
  }
  for (Scope& scope : scopes_) {
    std::erase_if(scope.equal, [&](const DistinctValue* value) { return value->children.size() != closed.count; });
  }
  lexer_ = Lexer::kAfter;
  return containers_.empty() || end_value(text, text.size());
}

/// After a comma.
bool DistinctElements::begin_next() {
  const Container& top = containers_.back();
  lexer_ = top.is_object ? Lexer::kBeforeName : Lexer::kBeforeValue;
  if (!top.distinct) return true;
  Scope& scope = scopes_.back();
  if (scope.before->size() + scope.fresh.size() >= kElementsMax || bytes_ > kBytesMax) return false;
  for (const auto& element : *scope.before) scope.equal.push_back(element.get());
  for (const auto& element : scope.fresh) scope.equal.push_back(element.get());
  return true;
}

void DistinctElements::begin_name(const std::string& text) {
  in_name_ = true;
  offset_ = 0;
  written_.clear();
  if (!containers_.back().distinct) return;
  scopes_.back().begun = true;
  scopes_.back().begin = text.size() - 1;
}

void DistinctElements::begin_value(Kind kind, const std::string& text) {
  const Container& top = containers_.back();
  offset_ = 0;
  written_.clear();
  for (Scope& scope : scopes_) {
    const bool is_element = scope.container + 1 == containers_.size();
    if (is_element && !top.is_object) {
      scope.begun = true;
      scope.begin = text.size() - 1;
    }
    if (!is_element && !top.is_object) {
      std::erase_if(scope.equal, [&](const DistinctValue* array) { return array->children.size() <= top.count; });
      for (const DistinctValue*& value : scope.equal) value = value->children[top.count].get();
    }
    std::erase_if(scope.equal, [&](const DistinctValue* value) { return value->kind != kind; });
  }
}

void DistinctElements::take_character_byte(char byte) {
  if (quiet()) return;
  if (in_name_) written_ += byte;
  for (Scope& scope : scopes_) {
    // Of an element around this one, the object is known whose member this is to be.
    const bool of_member = in_name_ && scope.container + 1 != containers_.size();
    std::erase_if(scope.equal, [&](const DistinctValue* value) {
      if (!of_member) return value->text.size() <= offset_ || value->text[offset_] != byte;
      return std::none_of(value->children.begin(), value->children.end(),
                          [&](const auto& child) { return child->name.starts_with(written_); });
    });
  }
  ++offset_;
}

/// Four hexadecimal digits: a character, or half of one.
void DistinctElements::take_unit() {
  lexer_ = Lexer::kString;
  if (unit_ >= 0xD800 && unit_ < 0xDC00) {
    surrogate_ = unit_;
    return;
  }
  if (surrogate_ != 0) unit_ = 0x10000 + ((surrogate_ - 0xD800) << 10) + ((unit_ - 0xDC00) & 0x3ff);
  surrogate_ = 0;
  std::string character;
  append_utf8(character, unit_);
  for (const char byte : character) take_character_byte(byte);
}

bool DistinctElements::end_string(const std::string& text) {
  if (in_name_) return end_name(text);
  for (Scope& scope : scopes_) {
    std::erase_if(scope.equal, [&](const DistinctValue* value) { return value->text.size() != offset_; });
  }
  return end_value(text, text.size());
}

bool DistinctElements::end_name(const std::string& text) {
  in_name_ = false;
  lexer_ = Lexer::kAfterName;
  for (Scope& scope : scopes_) {
    if (scope.container + 1 == containers_.size()) {
      std::erase_if(scope.equal, [&](const DistinctValue* value) { return value->text.size() != offset_; });
      if (!scope.equal.empty()) return false;
      remember(scope, std::string_view(text).substr(scope.begin));
      continue;
    }
    for (const DistinctValue*& value : scope.equal) value = value->member(written_);
    std::erase(scope.equal, nullptr);
  }
  return true;
}

bool DistinctElements::end_number(const std::string& text) {
  if (!quiet()) {
    const std::optional<Decimal> number = Decimal::parse(written_);
    for (Scope& scope : scopes_) {
      std::erase_if(scope.equal, [&](const DistinctValue* value) {
        return number && value->number && !(*number == *value->number);
      });
    }
  }
  return end_value(text, text.size() - 1);  // what ended it is no part of it
}

bool DistinctElements::end_value(const std::string& text, std::size_t end) {
  lexer_ = Lexer::kAfter;
  Container& top = containers_.back();
  for (Scope& scope : scopes_) {
    if (scope.container + 1 != containers_.size()) {
      for (const DistinctValue*& value : scope.equal) value = value->parent;
    } else if (!top.is_object) {
      if (!scope.equal.empty()) return false;
      remember(scope, std::string_view(text).substr(scope.begin, end - scope.begin));
    }
  }
  ++top.count;
  return true;
}

void DistinctElements::narrow_numbers() {
  for (Scope& scope : scopes_) {
    std::erase_if(scope.equal, [&](const DistinctValue* value) { return !may_become(written_, *value); });
  }
}

void DistinctElements::remember(Scope& scope, std::string_view element) {
  scope.begun = false;
  std::shared_ptr<const DistinctValue> value = read_distinct_value(element);
  const std::size_t bytes = value->bytes();
  scope.bytes += bytes;
  bytes_ += bytes;
  scope.fresh.push_back(std::move(value));
}

std::bitset<256> DistinctElements::repeating_bytes() const {
  std::bitset<256> bytes;
  if (lexer_ != Lexer::kString) return bytes.set();
  const auto add = [&](const std::string& text, std::size_t offset) {
    if (text.size() > offset) bytes.set(static_cast<std::uint8_t>(text[offset]));
  };
  for (const Scope& scope : scopes_) {
    const bool of_member = in_name_ && scope.container + 1 != containers_.size();
    for (const DistinctValue* value : scope.equal) {
      if (!of_member) {
        add(value->text, offset_);
        continue;
      }
      for (const auto& child : value->children) {
        if (child->name.starts_with(written_)) add(child->name, offset_);
      }
    }
  }
  return bytes;
}

void DistinctElements::settle(std::string& text) {
  for (Scope& scope : scopes_) {
    if (scope.fresh.empty()) continue;
    if (scope.before.use_count() > 1) {
      scope.before = std::make_shared<Elements>(*scope.before);
    } else {
      std::atomic_thread_fence(std::memory_order_acquire);  // whoever shared it has read it before now
    }
    scope.before->insert(scope.before->end(), scope.fresh.begin(), scope.fresh.end());
    scope.fresh.clear();
  }
  std::size_t needed = text.size();
  for (const Scope& scope : scopes_) {
    if (scope.begun) needed = std::min(needed, scope.begin);
  }
  if (needed < text.size() && needed < kDropAtOnce) return;
  text.erase(0, needed);
  for (Scope& scope : scopes_) scope.begin -= std::min(scope.begin, needed);
}

void DistinctElements::check_integrity() const {
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < scopes_.size(); ++i) {
    const Scope& scope = scopes_[i];
    CHECK(scope.container < containers_.size() && containers_[scope.container].distinct,
          "a scope is an open container");
    CHECK(i == 0 || scopes_[i - 1].container < scope.container, "the outermost scope comes first");
    CHECK(scope.before->size() + scope.fresh.size() <= kElementsMax, "elements are bounded");
    bytes += scope.bytes;
  }
  CHECK(bytes == bytes_, "the remembered bytes are those of the open scopes");
  CHECK(containers_.empty() || containers_.front().distinct, "what is followed begins with a scope");
}

}  // namespace mnema::grammar
