#include "runtime/utf8.hpp"

namespace mnema {
namespace {

/// Bytes of the character that begins with `lead`; 0 if none does.
std::size_t length_of(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead < 0xE0) return 2;
  if (lead >= 0xE0 && lead < 0xF0) return 3;
  if (lead >= 0xF0 && lead < 0xF5) return 4;
  return 0;
}

bool second_byte_fits(unsigned char lead, unsigned char second) {
  if (lead == 0xE0) return second >= 0xA0;  // otherwise overlong
  if (lead == 0xED) return second < 0xA0;   // otherwise a surrogate
  if (lead == 0xF0) return second >= 0x90;  // otherwise overlong
  if (lead == 0xF4) return second < 0x90;   // otherwise above U+10FFFF
  return true;
}

}  // namespace

bool is_valid_utf8(std::string_view bytes) {
  for (std::size_t i = 0; i < bytes.size();) {
    const auto lead = static_cast<unsigned char>(bytes[i]);
    const std::size_t length = length_of(lead);
    if (length == 0 || length > bytes.size() - i) return false;
    for (std::size_t k = 1; k < length; ++k) {
      if ((static_cast<unsigned char>(bytes[i + k]) & 0xC0) != 0x80) return false;
    }
    if (length > 1 && !second_byte_fits(lead, static_cast<unsigned char>(bytes[i + 1]))) return false;
    i += length;
  }
  return true;
}

}  // namespace mnema
