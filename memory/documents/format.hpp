// memory/documents/format.hpp
//
// Which files are documents, and of what kind: by the end of their names, in any case.
//
// Threads: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "memory/record.hpp"

namespace mnema {

/// None: no reader knows such files.
[[nodiscard]] std::optional<MediaType> format_of(std::string_view path);

/// "Markdown", "HTML", ...
[[nodiscard]] const char* name_of(MediaType format);

/// The end of `path` from the last point of its last part on, in small letters; empty: there is none.
[[nodiscard]] std::string extension_of(std::string_view path);

/// All extensions that `format_of` knows, in order.
[[nodiscard]] std::vector<std::string> known_extensions();

}  // namespace mnema
