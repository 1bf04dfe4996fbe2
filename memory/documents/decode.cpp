#include "memory/documents/decode.hpp"

#include <uchardet/uchardet.h>
#include <unicode/ucnv.h>
#include <unicode/utf16.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <optional>

#include "runtime/base/utf8.hpp"

namespace mnema {
namespace {

constexpr std::size_t kDeclarationBytesMax = 4'096;
constexpr std::size_t kDetectedBytesMax = 256 << 10;  // what is looked at for an encoding
constexpr char32_t kReplacement = 0xfffd;

using Converter = std::unique_ptr<UConverter, void (*)(UConverter*)>;

Converter converter_of(const std::string& encoding) {
  UErrorCode error = U_ZERO_ERROR;
  return {ucnv_open(encoding.c_str(), &error), ucnv_close};
}

void append(char32_t c, std::string& text) {
  if (c == 0) c = kReplacement;
  if (c < 0x80) {
    text += static_cast<char>(c);
  } else if (c < 0x800) {
    text += static_cast<char>(0xc0 | c >> 6);
    text += static_cast<char>(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    text += static_cast<char>(0xe0 | c >> 12);
    text += static_cast<char>(0x80 | (c >> 6 & 0x3f));
    text += static_cast<char>(0x80 | (c & 0x3f));
  } else {
    text += static_cast<char>(0xf0 | c >> 18);
    text += static_cast<char>(0x80 | (c >> 12 & 0x3f));
    text += static_cast<char>(0x80 | (c >> 6 & 0x3f));
    text += static_cast<char>(0x80 | (c & 0x3f));
  }
}

std::size_t utf8_bytes(char32_t c) { return c == 0 ? 3 : c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4; }

/// Calls `on_character(code point, its place in bytes)` for each character, in order.
template <class OnCharacter>
void walk_utf8(std::string_view bytes, const OnCharacter& on_character) {
  for (std::size_t at = 0; at < bytes.size();) {
    const auto first = static_cast<unsigned char>(bytes[at]);
    std::size_t size = std::min(utf8_length(first), bytes.size() - at);
    char32_t c = first;
    if (first >= 0x80) {
      if (valid_utf8_prefix(bytes.substr(at, size)) == size && size > 1) {
        c = first & (0x7fU >> size);
        for (std::size_t i = 1; i < size; ++i) c = c << 6 | (static_cast<unsigned char>(bytes[at + i]) & 0x3fU);
      } else {
        c = kReplacement;
        size = 1;
      }
    }
    on_character(c, at);
    at += size;
  }
}

template <class OnCharacter>
void walk_with(UConverter& converter, std::string_view bytes, const OnCharacter& on_character) {
  std::array<UChar, 2048> units{};
  std::array<std::int32_t, 2048> offsets{};
  ucnv_reset(&converter);
  const char* source = bytes.data();
  const char* const end = source + bytes.size();
  char32_t lead = 0;
  std::size_t lead_at = 0;
  for (bool more = true; more;) {
    const auto base = static_cast<std::size_t>(source - bytes.data());
    UErrorCode error = U_ZERO_ERROR;
    UChar* target = units.data();
    const char* const piece_end = std::min(end, source + 2048);  // offsets are of 32 bits, and from the piece's begin
    ucnv_toUnicode(&converter, &target, units.data() + units.size(), &source, piece_end, offsets.data(),
                   piece_end == end, &error);
    more = error == U_BUFFER_OVERFLOW_ERROR || (U_SUCCESS(error) && source < end);
    for (std::size_t i = 0; i < static_cast<std::size_t>(target - units.data()); ++i) {
      // A character that began in the piece before has no offset in this one.
      const std::size_t at = offsets[i] < 0 ? (base > 0 ? base - 1 : 0) : base + static_cast<std::size_t>(offsets[i]);
      const UChar unit = units[i];
      if (U16_IS_LEAD(unit)) {
        if (lead != 0) on_character(kReplacement, lead_at);
        lead = unit, lead_at = at;
      } else if (U16_IS_TRAIL(unit)) {
        if (lead != 0)
          on_character(static_cast<char32_t>(U16_GET_SUPPLEMENTARY(lead, unit)), lead_at);
        else
          on_character(kReplacement, at);
        lead = 0;
      } else {
        if (lead != 0) on_character(kReplacement, lead_at);
        lead = 0;
        on_character(static_cast<char32_t>(unit), at);
      }
    }
  }
  if (lead != 0) on_character(kReplacement, lead_at);
}

template <class OnCharacter>
void walk(std::string_view bytes, const std::string& encoding, const OnCharacter& on_character) {
  if (encoding == "UTF-8") return walk_utf8(bytes, on_character);
  if (const Converter converter = converter_of(encoding)) walk_with(*converter, bytes, on_character);
}

struct Mark {
  std::string_view bytes;
  const char* encoding;
};

std::optional<Mark> mark_of(std::string_view bytes) {
  using std::string_view_literals::operator""sv;
  constexpr std::array kMarks = {Mark{"\xff\xfe\0\0"sv, "UTF-32LE"}, Mark{"\0\0\xfe\xff"sv, "UTF-32BE"},
                                 Mark{"\xef\xbb\xbf"sv, "UTF-8"},    Mark{"\xff\xfe"sv, "UTF-16LE"},
                                 Mark{"\xfe\xff"sv, "UTF-16BE"},     Mark{"\x84\x31\x95\x33"sv, "gb18030"}};
  for (const Mark& mark : kMarks) {
    if (bytes.starts_with(mark.bytes)) return mark;
  }
  return {};
}

/// What follows `sign` in the page's beginning as a label: letters, digits and some signs.
std::string label_after(std::string_view page, std::string_view sign) {
  std::string small(page.substr(0, kDeclarationBytesMax));
  for (char& c : small) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  for (std::size_t at = small.find(sign); at != std::string::npos; at = small.find(sign, at + 1)) {
    std::size_t i = at + sign.size();
    while (i < small.size() && (small[i] == ' ' || small[i] == '\t' || small[i] == '\n')) ++i;
    if (i >= small.size() || small[i] != '=') continue;
    ++i;
    while (i < small.size() && (small[i] == ' ' || small[i] == '"' || small[i] == '\'')) ++i;
    std::string label;
    for (; i < small.size() && label.size() < 40; ++i) {
      const char c = small[i];
      if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != ':' && c != '.') break;
      label += c;
    }
    if (!label.empty()) return label;
  }
  return {};
}

/// As browsers take labels: what calls itself Latin-1 or ASCII is windows-1252, GB2312 is GB18030, ...
std::string encoding_of_label(const std::string& label) {
  if (label.empty() || label == "x-user-defined") return {};
  if (label == "utf-8" || label == "utf8") return "UTF-8";
  if (label.starts_with("utf-16") || label.starts_with("utf16")) return "UTF-8";  // the label was read as ASCII
  for (const char* latin : {"iso-8859-1", "iso8859-1", "latin1", "us-ascii", "ascii", "cp1252", "windows-1252"}) {
    if (label == latin) return "windows-1252";
  }
  if (label == "gb2312" || label == "gbk" || label == "x-gbk") return "gb18030";
  if (label == "shift_jis" || label == "shift-jis" || label == "sjis" || label == "x-sjis") return "windows-31j";
  if (label == "euc-kr" || label == "ks_c_5601-1987" || label == "uhc") return "windows-949";
  if (label == "iso-8859-9") return "windows-1254";
  return converter_of(label) ? label : std::string();
}

std::string declared_encoding(std::string_view page) {
  if (std::string found = encoding_of_label(label_after(page, "charset")); !found.empty()) return found;
  if (page.substr(0, 5) == "<?xml") return encoding_of_label(label_after(page.substr(0, 200), "encoding"));
  return {};
}

struct Utf8Share {
  std::size_t good = 0;    // characters of several bytes
  std::size_t broken = 0;  // bytes that belong to none
  std::size_t zeros = 0;
  std::size_t controls = 0;
};
Utf8Share utf8_share(std::string_view bytes) {
  Utf8Share share;
  walk_utf8(bytes, [&](char32_t c, std::size_t at) {
    if (c == 0)
      ++share.zeros;
    else if (c < 0x20 && c != '\n' && c != '\r' && c != '\t' && c != '\f' && c != 0x1b && c != 0x0b && c != 0x08)
      ++share.controls;
    else if (c == kReplacement && static_cast<unsigned char>(bytes[at]) != 0xef)
      ++share.broken;
    else if (c >= 0x80)
      ++share.good;
  });
  return share;
}

/// Whether `c` is one of the characters that every reader of Chinese or Japanese knows: the first level of GB 2312, of
/// Big5 or of JIS X 0208. A misread text has few of them.
class CommonCharacters {
 public:
  explicit CommonCharacters(const char* encoding, unsigned char first, unsigned char last)
      : converter_(converter_of(encoding)), first_(first), last_(last) {}
  bool have(char32_t c) const {
    if (!converter_ || c > 0xffff) return false;
    const auto unit = static_cast<UChar>(c);
    std::array<char, 8> made{};
    UErrorCode error = U_ZERO_ERROR;
    const std::int32_t size = ucnv_fromUChars(converter_.get(), made.data(), made.size(), &unit, 1, &error);
    const auto lead = static_cast<unsigned char>(made[0]);
    return U_SUCCESS(error) && size == 2 && lead >= first_ && lead <= last_;
  }

 private:
  Converter converter_;
  unsigned char first_;
  unsigned char last_;
};

/// Of the characters of `bytes` in `encoding`, those that a text has, in percent. `spaced`: scripts that are written
/// with blanks count too.
int plausible_percent(std::string_view bytes, const char* encoding, bool spaced) {
  const std::array kCommon = {CommonCharacters("gb2312", 0xb0, 0xd7), CommonCharacters("Big5", 0xa4, 0xc6),
                              CommonCharacters("EUC-JP", 0xb0, 0xcf)};
  std::size_t all = 0;
  std::size_t latin = 0;  // and line ends and blanks
  std::size_t plain = 0;  // of other scripts than Han
  std::array<std::size_t, 3> common{};
  walk(bytes.substr(0, 8'192), encoding, [&](char32_t c, std::size_t) {
    ++all;
    if (c >= 0x4e00 && c < 0xa000) {
      for (std::size_t i = 0; i < common.size(); ++i) common[i] += kCommon[i].have(c) ? 1 : 0;
    } else if ((c >= 0x3000 && c < 0x3100) || (c >= 0xff00 && c < 0xffe0) || (c >= 0x2010 && c < 0x2030)) {
      ++plain;
    } else if (spaced && (c == '\n' || c == '\r' || c == '\t' || (c >= 0x20 && c < 0x7f) || (c >= 0xa0 && c < 0x100))) {
      ++latin;
    } else if (spaced && ((c >= 0x100 && c < 0x700) || (c >= 0x900 && c < 0x1000) || (c >= 0xac00 && c < 0xd7a4) ||
                          (c >= 0x1f000 && c < 0x20000))) {
      ++plain;
    }
  });
  all -= bytes.size() % 2 != 0 && all > 0 ? 1 : 0;          // a character cut off at the end is no fault
  if (all < 8) return bytes.size() == 2 * latin ? 100 : 0;  // too few to be told by their script
  return static_cast<int>((latin + plain + *std::max_element(common.begin(), common.end())) * 100 / all);
}

/// UTF-16 without a mark; empty: it is none. `zeros`: there are zero bytes, as ASCII has in it.
std::string detected_utf16(std::string_view bytes, bool zeros) {
  const int little = plausible_percent(bytes, "UTF-16LE", zeros);
  const int big = plausible_percent(bytes, "UTF-16BE", zeros);
  if (std::max(little, big) < 90 || std::abs(little - big) < 10) return {};
  return little > big ? "UTF-16LE" : "UTF-16BE";
}

std::string detected_encoding(std::string_view bytes) {
  const std::unique_ptr<uchardet, void (*)(uchardet_t)> detector(uchardet_new(), uchardet_delete);
  // Plain ASCII tells nothing: from the first byte that is none.
  std::size_t begin = 0;
  while (begin < bytes.size() && static_cast<unsigned char>(bytes[begin]) < 0x80 && bytes[begin] != 0x1b) ++begin;
  begin -= std::min<std::size_t>(begin, 1'024);
  const std::string_view looked_at = bytes.substr(begin, kDetectedBytesMax);
  if (uchardet_handle_data(detector.get(), looked_at.data(), looked_at.size()) != 0) return {};
  uchardet_data_end(detector.get());
  std::string found = uchardet_get_charset(detector.get());
  if (found.empty() || found == "ASCII") return {};
  if (found == "UTF-8") return found;
  for (char& c : found) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return encoding_of_label(found);
}

/// Whether `encoding` is one of Latin script in which a few bytes do not tell it from the others.
bool is_latin(const std::string& encoding) {
  for (const char* latin :
       {"iso-8859-2", "iso-8859-3", "iso-8859-4", "iso-8859-10", "iso-8859-13", "iso-8859-14", "iso-8859-15",
        "iso-8859-16", "windows-1250", "windows-1254", "windows-1257", "windows-1258", "mac-centraleurope"}) {
    if (encoding == latin) return true;
  }
  return false;
}

/// Controls of ISO 2022 in bytes that would pass for ASCII.
bool is_iso_2022(std::string_view bytes) {
  return bytes.find("\x1b$") != std::string_view::npos || bytes.find("\x1b(J") != std::string_view::npos;
}

Error not_text(const char* why) { return fail(ErrorCode::kInvalidArgument, std::string("is not text: ") + why); }

}  // namespace

Result<DecodedText> decode_text(std::string_view bytes, bool html) {
  DecodedText decoded;
  std::string how;
  const Utf8Share share = utf8_share(bytes);
  const std::optional<Mark> mark = mark_of(bytes);
  if (mark) {
    decoded.encoding = mark->encoding;
    decoded.skipped = mark->bytes.size();
  } else if (share.zeros > 0) {
    decoded.encoding = detected_utf16(bytes, true);
    if (decoded.encoding.empty()) return not_text("it has zero bytes");
    how = "detected";
  } else if (share.controls * 20 > bytes.size()) {
    if (share.broken > 0) decoded.encoding = detected_utf16(bytes, false);
    if (decoded.encoding.empty()) return not_text("it is full of control characters");
    how = "detected";
  } else if (std::string declared = html ? declared_encoding(bytes) : std::string(); !declared.empty()) {
    decoded.encoding = declared;
    // A page that says it is UTF-8 and is something else altogether.
    if (declared == "UTF-8" && share.broken > 0 && share.broken * 8 > share.good) decoded.encoding.clear();
  }
  if (decoded.encoding.empty()) {
    const bool utf8 = share.broken == 0 || share.broken * 8 <= share.good;
    if (utf8 && !is_iso_2022(bytes)) {
      decoded.encoding = "UTF-8";
    } else {
      how = "detected";
      if (share.broken > 0) decoded.encoding = detected_utf16(bytes, false);
      if (decoded.encoding.empty()) decoded.encoding = detected_encoding(bytes);
      constexpr std::size_t kFewBytes = 4;
      if (is_latin(decoded.encoding) && share.broken + 2 * share.good < kFewBytes) decoded.encoding.clear();
      if (decoded.encoding.empty()) decoded.encoding = utf8 ? "UTF-8" : "windows-1252", how = "assumed";
    }
  }
  const std::string_view body = bytes.substr(decoded.skipped);
  decoded.text.reserve(body.size() + body.size() / 2);
  std::size_t characters = 0;
  walk(body, decoded.encoding, [&](char32_t c, std::size_t) {
    ++characters;
    if (c == kReplacement || c == 0) ++decoded.broken;
    append(c, decoded.text);
  });
  if (static_cast<std::size_t>(decoded.broken) * 4 > characters + 8) return not_text("it is broken in any encoding");
  if (how != "") decoded.note = "read as " + decoded.encoding + " (" + how + ")";
  if (decoded.broken > 0) {
    decoded.note += (decoded.note.empty() ? "read as " + decoded.encoding : std::string()) + ", with " +
                    std::to_string(decoded.broken) + " broken character" + (decoded.broken == 1 ? "" : "s");
  }
  return decoded;
}

std::vector<std::size_t> source_places(std::string_view bytes, const DecodedText& decoded,
                                       const std::vector<std::size_t>& places) {
  std::vector<std::size_t> found;
  found.reserve(places.size());
  std::size_t text_at = 0;
  walk(bytes.substr(decoded.skipped), decoded.encoding, [&](char32_t c, std::size_t at) {
    while (found.size() < places.size() && places[found.size()] <= text_at) found.push_back(decoded.skipped + at);
    text_at += utf8_bytes(c);
  });
  while (found.size() < places.size()) found.push_back(bytes.size());
  return found;
}

}  // namespace mnema
