// memory/documents/word_breaker.hpp
//
// Words of scripts that are written without blanks (Thai, Lao, Khmer, Burmese, Chinese, Japanese), by ICU's
// dictionaries, and Korean words without the particles that are written onto them.
//
// Threads: a breaker is confined to one thread at a time.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

struct UBreakIterator;

namespace mnema {

class WordBreaker {
 public:
  WordBreaker() = default;

  /// Calls `on_word` for each word of `text`, which is UTF-8 of such a script. Without ICU's data each character is
  /// one.
  void each_word(std::string_view text, const std::function<void(std::string_view)>& on_word);

 private:
  void each_word_of_piece(std::string_view text, const std::function<void(std::string_view)>& on_word);

  struct Deleter {
    void operator()(UBreakIterator* iterator) const;
  };
  std::unique_ptr<UBreakIterator, Deleter> iterator_;  // made at first use: it costs a millisecond
};

/// `word`, composed Hangul, without its particles: "회의에서는" is "회의". At least `syllables_min`, from 1, stay.
[[nodiscard]] std::string_view without_particles(std::string_view word, std::size_t syllables_min);

/// Whether a run of Hangul behind a foreign word or a number is nothing but a particle ("API를").
[[nodiscard]] bool is_particle(std::string_view word);

}  // namespace mnema
