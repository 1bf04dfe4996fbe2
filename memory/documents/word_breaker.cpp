#include "memory/documents/word_breaker.hpp"

#include <unicode/ubrk.h>
#include <unicode/ustring.h>

#include <algorithm>
#include <array>
#include <vector>

#include "runtime/base/utf8.hpp"

namespace mnema {
namespace {

constexpr std::size_t kPieceBytes = 4'096;  // of a run; a word over its end is cut
constexpr std::size_t kSyllableBytes = 3;

/// What must stand before a particle.
enum class After { kAny, kConsonant, kVowel, kVowelOrL };

struct Particle {
  std::string_view text;
  After after;
};

// The first that fits is taken: of those that end alike the longer ones come first.
constexpr std::array kParticles = {Particle{"입니다", After::kAny},
                                   Particle{"이다", After::kConsonant},
                                   Particle{"이며", After::kConsonant},
                                   Particle{"들", After::kAny},
                                   Particle{"으로부터", After::kConsonant},
                                   Particle{"에서부터", After::kAny},
                                   Particle{"로부터", After::kVowelOrL},
                                   Particle{"에게서", After::kAny},
                                   Particle{"으로써", After::kConsonant},
                                   Particle{"으로서", After::kConsonant},
                                   Particle{"에서", After::kAny},
                                   Particle{"에게", After::kAny},
                                   Particle{"한테", After::kAny},
                                   Particle{"까지", After::kAny},
                                   Particle{"부터", After::kAny},
                                   Particle{"으로", After::kConsonant},
                                   Particle{"이나", After::kConsonant},
                                   Particle{"이랑", After::kConsonant},
                                   Particle{"처럼", After::kAny},
                                   Particle{"보다", After::kAny},
                                   Particle{"마다", After::kAny},
                                   Particle{"조차", After::kAny},
                                   Particle{"마저", After::kAny},
                                   Particle{"밖에", After::kAny},
                                   Particle{"하고", After::kAny},
                                   Particle{"로서", After::kVowelOrL},
                                   Particle{"로써", After::kVowelOrL},
                                   Particle{"이란", After::kConsonant},
                                   Particle{"은", After::kConsonant},
                                   Particle{"는", After::kVowel},
                                   Particle{"이", After::kConsonant},
                                   Particle{"가", After::kVowel},
                                   Particle{"을", After::kConsonant},
                                   Particle{"를", After::kVowel},
                                   Particle{"과", After::kConsonant},
                                   Particle{"와", After::kVowel},
                                   Particle{"로", After::kVowelOrL},
                                   Particle{"에", After::kAny},
                                   Particle{"의", After::kAny},
                                   Particle{"도", After::kAny},
                                   Particle{"만", After::kAny}};

/// Index of the last syllable's final consonant; 0: it ends in a vowel; -1: it is no syllable.
int final_consonant(std::string_view word) {
  if (word.size() < kSyllableBytes) return -1;
  const std::string_view last = word.substr(word.size() - kSyllableBytes);
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(last[i]); };
  if ((byte(0) & 0xf0) != 0xe0) return -1;
  const int c = (byte(0) & 0x0f) << 12 | (byte(1) & 0x3f) << 6 | (byte(2) & 0x3f);
  return c >= 0xac00 && c <= 0xd7a3 ? (c - 0xac00) % 28 : -1;
}

bool fits(After after, std::string_view stem) {
  constexpr int kL = 8;
  const int final = final_consonant(stem);
  switch (after) {
    case After::kAny:
      return final >= 0;
    case After::kConsonant:
      return final > 0;
    case After::kVowel:
      return final == 0;
    case After::kVowelOrL:
      return final == 0 || final == kL;
  }
  return false;
}

}  // namespace

void WordBreaker::Deleter::operator()(UBreakIterator* iterator) const { ubrk_close(iterator); }

void WordBreaker::each_word(std::string_view text, const std::function<void(std::string_view)>& on_word) {
  while (!text.empty()) {
    std::size_t end = std::min(text.size(), kPieceBytes);
    while (end < text.size() && end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
    each_word_of_piece(text.substr(0, end), on_word);
    text.remove_prefix(std::max<std::size_t>(end, 1));
  }
}

void WordBreaker::each_word_of_piece(std::string_view text, const std::function<void(std::string_view)>& on_word) {
  std::vector<UChar> units(text.size() + 1);
  std::int32_t size = 0;
  UErrorCode error = U_ZERO_ERROR;
  u_strFromUTF8(units.data(), static_cast<std::int32_t>(units.size()), &size, text.data(),
                static_cast<std::int32_t>(text.size()), &error);
  if (U_SUCCESS(error) && !iterator_) iterator_.reset(ubrk_open(UBRK_WORD, "", nullptr, 0, &error));
  if (U_SUCCESS(error)) ubrk_setText(iterator_.get(), units.data(), size, &error);
  if (U_FAILURE(error)) {
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t bytes = std::min(utf8_length(static_cast<unsigned char>(text[at])), text.size() - at);
      on_word(text.substr(at, bytes));
      at += bytes;
    }
    return;
  }
  std::array<char, 3 * 256> word{};
  std::int32_t begin = ubrk_first(iterator_.get());
  for (std::int32_t end = ubrk_next(iterator_.get()); end != UBRK_DONE; end = ubrk_next(iterator_.get())) {
    std::int32_t bytes = 0;
    error = U_ZERO_ERROR;
    u_strToUTF8(word.data(), static_cast<std::int32_t>(word.size()), &bytes, units.data() + begin, end - begin, &error);
    if (U_SUCCESS(error) && ubrk_getRuleStatus(iterator_.get()) >= UBRK_WORD_NONE_LIMIT) {
      on_word({word.data(), static_cast<std::size_t>(bytes)});
    }
    begin = end;
  }
}

std::string_view without_particles(std::string_view word, std::size_t syllables_min) {
  for (bool stripped = true; stripped;) {
    stripped = false;
    for (const Particle& particle : kParticles) {
      if (word.size() < particle.text.size() + syllables_min * kSyllableBytes) continue;
      if (!word.ends_with(particle.text)) continue;
      const std::string_view stem = word.substr(0, word.size() - particle.text.size());
      if (!fits(particle.after, stem)) continue;
      word = stem;
      stripped = true;
      break;
    }
  }
  return word;
}

bool is_particle(std::string_view word) {
  return std::any_of(kParticles.begin(), kParticles.end(),
                     [&](const Particle& particle) { return particle.text == word; });
}

}  // namespace mnema
