#include "inference/grammar/utf8_ranges.hpp"

#include <algorithm>

namespace mnema::grammar {
namespace {

int encode(std::uint32_t code_point, std::uint8_t* out) {
  if (code_point < 0x80) {
    out[0] = static_cast<std::uint8_t>(code_point);
    return 1;
  }
  const int length = code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
  for (int i = length - 1; i > 0; --i) {
    out[i] = static_cast<std::uint8_t>(0x80 | (code_point & 0x3f));
    code_point >>= 6;
  }
  static constexpr std::uint8_t kLead[] = {0, 0, 0xc0, 0xe0, 0xf0};
  out[0] = static_cast<std::uint8_t>(kLead[length] | code_point);
  return length;
}

/// Both ends have `length` bytes. Splits until every trailing byte of a piece covers a whole 80..BF or a single prefix.
void split(std::uint32_t first, std::uint32_t last, int length, std::vector<std::vector<ByteRange>>& out) {
  for (int trailing = 1; trailing < length; ++trailing) {
    const std::uint32_t mask = (1U << (6 * trailing)) - 1;
    if ((first & ~mask) == (last & ~mask)) continue;
    if ((first & mask) != 0) {
      split(first, first | mask, length, out);
      split((first | mask) + 1, last, length, out);
      return;
    }
    if ((last & mask) != mask) {
      split(first, (last & ~mask) - 1, length, out);
      split(last & ~mask, last, length, out);
      return;
    }
  }
  std::uint8_t low[4];
  std::uint8_t high[4];
  encode(first, low);
  encode(last, high);
  std::vector<ByteRange> sequence;
  for (int i = 0; i < length; ++i) sequence.push_back({low[i], high[i]});
  out.push_back(std::move(sequence));
}

}  // namespace

std::vector<std::vector<ByteRange>> utf8_sequences(std::uint32_t first, std::uint32_t last) {
  struct Band {
    std::uint32_t first;
    std::uint32_t last;
    int length;
  };
  static constexpr Band kBands[] = {
      {0, 0x7f, 1}, {0x80, 0x7ff, 2}, {0x800, 0xd7ff, 3}, {0xe000, 0xffff, 3}, {0x10000, 0x10ffff, 4}};
  std::vector<std::vector<ByteRange>> out;
  for (const Band& band : kBands) {
    const std::uint32_t low = std::max(first, band.first);
    const std::uint32_t high = std::min(last, band.last);
    if (low <= high) split(low, high, band.length, out);
  }
  return out;
}

}  // namespace mnema::grammar
