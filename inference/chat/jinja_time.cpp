#include "inference/chat/jinja_time.hpp"

#include <fmt/format.h>

#include <ctime>

namespace mnema::jinja {

std::optional<std::string> time_text(Time time, std::string_view format) {
  constexpr std::size_t kFormatBytesMax = 1'000, kTextBytesMax = 64 << 10;
  if (format.size() > kFormatBytesMax) return std::nullopt;
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  const auto stamp = static_cast<std::time_t>(seconds.time_since_epoch().count());
  std::tm parts{};
  if (localtime_r(&stamp, &parts) == nullptr) return std::nullopt;
  // strftime says 0 both for an empty text and for one that does not fit: a blank in front tells them apart.
  // Microseconds and the zone, which a time without one does not have, are what Python answers itself.
  std::string plain = " ";
  for (std::size_t i = 0; i < format.size(); ++i) {
    const char next = format[i] == '%' && i + 1 < format.size() ? format[i + 1] : '\0';
    if (next == 'f')
      plain += fmt::format("{:06}", (time - seconds).count());
    else if (next == '%')
      plain += "%%";
    else if (next != 'z' && next != 'Z') {
      plain += format[i];
      continue;
    }
    ++i;
  }
  std::string text(kTextBytesMax, '\0');
  const std::size_t length = std::strftime(text.data(), text.size(), plain.c_str(), &parts);
  if (length == 0) return std::nullopt;
  return text.substr(1, length - 1);
}

}  // namespace mnema::jinja
