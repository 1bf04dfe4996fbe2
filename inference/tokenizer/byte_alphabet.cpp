#include "inference/tokenizer/byte_alphabet.hpp"

#include <array>

#include "runtime/base/utf8.hpp"

namespace mnema {
namespace {

bool stands_for_itself(int byte) {
  return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
}

struct Alphabet {
  std::array<int, 256> point_of_byte{};
  std::array<int, 512> byte_of_point{};

  Alphabet() {
    byte_of_point.fill(-1);
    int next = 0x100;
    for (int byte = 0; byte < 256; ++byte) {
      const int point = stands_for_itself(byte) ? byte : next++;
      point_of_byte[static_cast<std::size_t>(byte)] = point;
      byte_of_point[static_cast<std::size_t>(point)] = byte;
    }
  }
};

const Alphabet& alphabet() {
  static const Alphabet made;
  return made;
}

}  // namespace

std::string character_of_byte(unsigned char byte) {
  const int point = alphabet().point_of_byte[byte];
  if (point < 0x80) return std::string(1, static_cast<char>(point));
  return {static_cast<char>(0xc0 | point >> 6), static_cast<char>(0x80 | (point & 0x3f))};
}

std::string characters_of_bytes(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char byte : bytes) out += character_of_byte(static_cast<unsigned char>(byte));
  return out;
}

std::string bytes_of_characters(std::string_view characters) {
  std::string out;
  for (std::size_t at = 0; at < characters.size();) {
    const auto first = static_cast<unsigned char>(characters[at]);
    const std::size_t length = utf8_length(first);
    int point = first;
    if (length == 2 && at + 1 < characters.size()) {
      point = (first & 0x1f) << 6 | (static_cast<unsigned char>(characters[at + 1]) & 0x3f);
    }
    const int byte = length <= 2 && point < 512 ? alphabet().byte_of_point[static_cast<std::size_t>(point)] : -1;
    if (byte >= 0)
      out += static_cast<char>(byte);
    else
      out += characters.substr(at, length);
    at += length;
  }
  return out;
}

}  // namespace mnema
