// memory/documents/text_tools.hpp
//
// Text of files that only a program of their own can read: PDF by pdftotext (poppler), DOCX by pandoc. The program runs
// as a child without a shell, with nothing of our environment, bounded in time, memory and output, and can write no
// file.
//
// Threads:   any; `read` blocks its caller, up to a minute.
// Ownership: borrows the clock.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "memory/record.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

class TextTools {
 public:
  struct Options {
    std::string search_path;  // folders of programs, as in $PATH; empty: $PATH
    Duration time_max = std::chrono::seconds(60);
    std::int64_t text_bytes_max = 64 << 20;
  };
  explicit TextTools(const Clock& clock) : TextTools(clock, Options{}) {}
  TextTools(const Clock& clock, Options options) : clock_(clock), options_(std::move(options)) {}

  /// Whether files of this kind need a program.
  [[nodiscard]] static bool needs_one(MediaType format);

  /// The text of the file: of a PDF with a form feed behind each page, of a DOCX as Markdown. Messages go on from the
  /// file's name. Errors: `kUnsupported` (the program is not installed), `kInvalidArgument` (it cannot read the file,
  /// or makes too much of it), `kDeadlineExceeded`, `kInternal` (no process).
  [[nodiscard]] Result<std::string> read(MediaType format, const std::string& path) const;

 private:
  [[nodiscard]] std::string find(const std::string& program) const;
  [[nodiscard]] Result<std::string> run(const std::string& program, std::vector<std::string> arguments) const;

  const Clock& clock_;
  const Options options_;
};

}  // namespace mnema
