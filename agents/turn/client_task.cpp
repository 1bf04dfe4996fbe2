#include "agents/turn/client_task.hpp"

#include <algorithm>

namespace mnema {

bool is_client_task(std::string_view text, const std::vector<std::string>& headers) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return false;
  text.remove_prefix(begin);
  std::string_view first = text.substr(0, text.find('\n'));
  while (first.ends_with('\r') || first.ends_with(' ')) first.remove_suffix(1);
  const bool begins =
      std::any_of(headers.begin(), headers.end(), [&](const std::string& header) { return first == header; });
  return begins && text.find("\n### ") != std::string_view::npos;
}

}  // namespace mnema
