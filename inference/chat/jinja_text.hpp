// inference/chat/jinja_text.hpp
//
// A text that remembers, byte by byte, who wrote it: the template, or somebody whose words went through it. Every
// operation of the template language keeps that, so that after rendering it is known which bytes are content, however
// the template trimmed, cut, joined or quoted them. A control token is one only where the template wrote all of it.
//
// Threads: plain values.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace mnema::jinja {

class Text {
 public:
  Text() = default;
  /// The template's own words.
  Text(std::string bytes) : bytes_(std::move(bytes)) {}
  Text(std::string_view bytes) : bytes_(bytes) {}
  Text(const char* bytes) : bytes_(bytes) {}
  /// Words that went through the template: messages, tools, arguments.
  [[nodiscard]] static Text content(std::string bytes);

  [[nodiscard]] const std::string& bytes() const { return bytes_; }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }
  [[nodiscard]] bool empty() const { return bytes_.empty(); }
  [[nodiscard]] bool is_content(std::size_t at) const { return !marks_.empty() && marks_[at] != 0; }

  /// `length` bytes from `begin`, fewer at the end. Precondition: `begin` ≤ size().
  [[nodiscard]] Text part(std::size_t begin, std::size_t length = std::string::npos) const;
  void append(const Text& text);
  void append(std::string_view bytes, bool content);
  void clear();

  /// By bytes alone, whoever wrote them.
  bool operator==(const Text& other) const { return bytes_ == other.bytes_; }

 private:
  std::string bytes_;
  std::string marks_;  // empty: all is the template's; else as long as bytes_, 1 = content
};

}  // namespace mnema::jinja
