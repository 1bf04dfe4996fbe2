#include "inference/chat/jinja_strings.hpp"

#include <algorithm>

#include "inference/chat/jinja_printing.hpp"

namespace mnema::jinja {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// False, and an error, once `text` is too large to go on.
bool fits(Rendering& r, const Text& text) {
  if (text.size() > r.bounds.value_bytes) r.exhausted("the template makes too large a text");
  return r.error.empty();
}

}  // namespace

Text stripped(const Text& text, std::string_view characters, bool left, bool right) {
  const std::string& bytes = text.bytes();
  const std::size_t begin = left ? std::min(bytes.find_first_not_of(characters), bytes.size()) : 0;
  const std::size_t end = right ? bytes.find_last_not_of(characters) + 1 : bytes.size();  // npos + 1 = 0
  return begin < end ? text.part(begin, end - begin) : Text();
}

Text with_case(const Text& text, Case wanted) {
  Text out;
  bool begins = true;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text.bytes()[i];
    const bool raise = wanted == Case::kUpper || (wanted != Case::kLower && begins);
    const char changed = raise ? upper(c) : lower(c);
    out.append(std::string_view(&changed, 1), text.is_content(i));
    begins = wanted == Case::kTitle && !is_letter(c);
  }
  return out;
}

Text replaced(Rendering& r, const Text& text, const Text& from, const Text& to, std::int64_t most) {
  if (from.empty()) return text;
  Text out;
  std::size_t at = 0;
  for (std::int64_t count = 0; most < 0 || count < most; ++count) {
    const std::size_t found = text.bytes().find(from.bytes(), at);
    if (found == std::string::npos || !fits(r, out)) break;
    out.append(text.part(at, found - at));
    out.append(to);
    at = found + from.size();
  }
  out.append(text.part(at));
  return out;
}

List split(Rendering& r, const Text& text, const Text* separator, std::int64_t most) {
  List parts;
  const std::string& bytes = text.bytes();
  std::size_t at = 0;
  const auto may_cut = [&] { return (most < 0 || static_cast<std::int64_t>(parts.size()) < most) && r.work(64); };
  if (separator == nullptr) {
    while ((at = bytes.find_first_not_of(kBlanks, at)) != std::string::npos) {
      if (!may_cut()) {
        parts.emplace_back(text.part(at));
        return parts;
      }
      const std::size_t end = std::min(bytes.find_first_of(kBlanks, at), bytes.size());
      parts.emplace_back(text.part(at, end - at));
      at = end;
    }
    return parts;
  }
  if (separator->empty()) return r.fail("cannot split at an empty separator"), parts;
  while (may_cut()) {
    const std::size_t found = bytes.find(separator->bytes(), at);
    if (found == std::string::npos) break;
    parts.emplace_back(text.part(at, found - at));
    at = found + separator->size();
  }
  parts.emplace_back(text.part(at));
  return parts;
}

List split_from_right(Rendering& r, const Text& text, const Text& separator, std::int64_t most) {
  List parts;
  if (separator.empty()) return r.fail("cannot split at an empty separator"), parts;
  std::size_t end = text.size();
  while ((most < 0 || static_cast<std::int64_t>(parts.size()) < most) && end >= separator.size() && r.work(64)) {
    const std::size_t found = text.bytes().rfind(separator.bytes(), end - separator.size());
    if (found == std::string::npos) break;
    parts.emplace_back(text.part(found + separator.size(), end - found - separator.size()));
    end = found;
  }
  parts.emplace_back(text.part(0, end));
  std::reverse(parts.begin(), parts.end());
  return parts;
}

List split_lines(Rendering& r, const Text& text) {
  List lines;
  const std::string& bytes = text.bytes();
  for (std::size_t at = 0; at < bytes.size() && r.work(64);) {
    const std::size_t end = std::min(bytes.find_first_of("\r\n", at), bytes.size());
    lines.emplace_back(text.part(at, end - at));
    at = end + (bytes.compare(end, 2, "\r\n") == 0 ? 2 : 1);
  }
  return lines;
}

Text joined(Rendering& r, const List& list, const Text& separator) {
  Text out;
  for (std::size_t i = 0; i < list.size() && fits(r, out); ++i) {
    if (i > 0) out.append(separator);
    out.append(printed(r, list[i]));
  }
  return out;
}

Text indented(Rendering& r, const Text& text, const Text& margin, bool first, bool blank_lines) {
  Text out;
  const std::string& bytes = text.bytes();
  std::size_t at = 0;
  for (bool is_first = true; fits(r, out); is_first = false) {
    const std::size_t end = std::min(bytes.find('\n', at), bytes.size());
    const bool blank = end == at;
    if (is_first ? first : (!blank || blank_lines)) out.append(margin);
    out.append(text.part(at, end - at + 1));
    if (end == bytes.size()) break;
    at = end + 1;
  }
  return out;
}

std::size_t characters_in(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

}  // namespace mnema::jinja
