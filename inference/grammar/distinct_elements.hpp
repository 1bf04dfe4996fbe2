// inference/grammar/distinct_elements.hpp
//
// What stood before in the open JSON arrays whose items must differ, and in the open objects whose names must: the part
// of a constraint that no automaton knows. Follows the text byte by byte from the bracket that opens such an array or
// object to the one that closes it, and compares the element that is being written with those before it, so that the
// byte which would make it equal to one of them is known before it is written.
//
// Threads:   plain values; copies share what they remember, which does not change.
// Ownership: the text that is followed is the caller's; it is needed from the beginning of the outermost open element.
// Invariant: scopes' containers ascend; at most kElementsMax elements of one array or object are remembered.
#pragma once

#include <bitset>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "inference/grammar/distinct_value.hpp"

namespace mnema::grammar {

class DistinctElements {
 public:
  /// At the bounds no further element may begin: the array or object is closed.
  static constexpr std::size_t kElementsMax = 1024;
  static constexpr std::size_t kBytesMax = 4 << 20;  // of all remembered elements together
  /// Arrays and objects in one another; a deeper one may not begin.
  static constexpr std::size_t kDepthMax = 256;

  /// No such array or object is open.
  [[nodiscard]] bool idle() const { return containers_.empty(); }
  /// The open elements differ already from all before them: no repetition before the next comma.
  [[nodiscard]] bool quiet() const;
  /// Inside a string.
  [[nodiscard]] bool in_string() const {
    return lexer_ == Lexer::kString || lexer_ == Lexer::kEscape || lexer_ == Lexer::kHex;
  }

  /// Takes the last byte of `text`. `opens_distinct`: it opens an array or object whose elements must differ.
  /// False: it may not stand here, as it completes an element that stood before, or is beyond a bound; the value means
  /// nothing then. Precondition: all of `text` since `settle` has been taken. Where it is no JSON any more, nothing is
  /// followed: another rule of the grammar reads it.
  [[nodiscard]] bool take(bool opens_distinct, const std::string& text);
  /// In a string, which bytes may go on with an element that stood before: any other one makes it differ, but for
  /// quotation marks and escapes. Elsewhere all.
  [[nodiscard]] std::bitset<256> repeating_bytes() const;

  /// The text so far stays: drops what is not needed of `text`.
  void settle(std::string& text);

  void check_integrity() const;

 private:
  enum class Lexer : std::uint8_t {
    kBeforeName,
    kString,
    kEscape,
    kHex,
    kAfterName,
    kBeforeValue,
    kNumber,
    kWord,
    kAfter
  };
  struct Container {
    bool is_object;
    bool distinct;
    std::size_t count = 0;  // elements that are complete
  };
  using Elements = std::vector<std::shared_ptr<const DistinctValue>>;
  /// A container whose elements must differ.
  struct Scope {
    std::size_t container;
    std::shared_ptr<Elements> before;  // shared by copies: never changed while it is
    Elements fresh;                    // since `settle`
    std::size_t bytes = 0;
    bool begun = false;     // an element is being written (a name only up to its last quotation mark)
    std::size_t begin = 0;  // where, in the text
    /// The parts of elements before that are as far as the text, and equal up to here.
    std::vector<const DistinctValue*> equal;
  };

  bool take_structure(char byte, bool opens_distinct, const std::string& text);
  [[nodiscard]] bool may_stand(char byte) const;
  bool give_up();
  void open(bool is_object, bool distinct);
  bool close(const std::string& text);
  bool begin_next();
  void begin_name(const std::string& text);
  void begin_value(DistinctValue::Kind kind, const std::string& text);
  void take_character_byte(char byte);
  void take_unit();
  bool end_string(const std::string& text);
  bool end_name(const std::string& text);
  bool end_number(const std::string& text);
  bool end_value(const std::string& text, std::size_t end);
  void narrow_numbers();
  void remember(Scope& scope, std::string_view element);

  std::vector<Container> containers_;  // outermost first; the first is distinct
  std::vector<Scope> scopes_;
  std::size_t bytes_ = 0;
  Lexer lexer_ = Lexer::kAfter;
  bool in_name_ = false;
  std::uint8_t left_ = 0;        // kHex: digits; kWord: letters
  std::uint32_t unit_ = 0;       // kHex
  std::uint32_t surrogate_ = 0;  // the first of a pair
  std::size_t offset_ = 0;       // in the characters of a string or word
  std::string written_;          // of a name or number, where it may repeat one
};

}  // namespace mnema::grammar
