// cli/models/file_digest.hpp
//
// SHA-256 of a file, read once in big blocks. Source: FIPS 180-4, by OpenSSL.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "runtime/base/result.hpp"

namespace mnema {

/// Lower-case hex digest of the file at `path`. `on_progress`, if given, is called with the bytes read so far.
/// Errors: `kNotFound`, `kStorage`.
[[nodiscard]] Result<std::string> sha256_of_file(const std::string& path,
                                                 const std::function<void(std::int64_t)>& on_progress = {});

}  // namespace mnema
