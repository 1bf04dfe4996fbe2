#include "connectors/http/excerpt.hpp"

#include "runtime/base/utf8.hpp"

namespace mnema {

std::string excerpt(std::string_view bytes, const Secret& secret, std::size_t bytes_max) {
  constexpr std::string_view kMask = "[secret]";
  const std::string_view hidden = secret.reveal();
  std::string kept;
  std::size_t at = 0;
  while (at < bytes.size() && kept.size() < bytes_max) {
    if (!hidden.empty() && bytes.substr(at).starts_with(hidden)) {
      kept += kMask;
      at += hidden.size();
    } else {
      kept += bytes[at++];
    }
  }
  // A character that the cut has halved is left out, bytes that never were one become U+FFFD.
  const bool is_cut = at < bytes.size();
  if (is_cut) {
    std::size_t start = kept.size();
    while (start > 0 && kept.size() - start < 3 && (static_cast<unsigned char>(kept[start - 1]) & 0xC0) == 0x80)
      --start;
    if (start > 0 && start - 1 + utf8_length(static_cast<unsigned char>(kept[start - 1])) > kept.size()) {
      kept.resize(start - 1);
    }
  }
  std::string text = to_utf8(kept);
  if (is_cut) text += "...";
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7F) c = ' ';
  }
  return text;
}

}  // namespace mnema
