// runtime/store/blob_store.hpp
//
// Big values once, by their SHA-256, with a count of who names them.
//
// Threads: inside a unit of work, or inside Database::read for `get`.
// Invariant: a blob is there as long as its references are > 0
#pragma once

#include <string>
#include <string_view>

#include "runtime/store/database.hpp"

namespace mnema::blob_store {

/// Stores `bytes`, or counts one more reference to them; returns their hash (64 hex digits).
[[nodiscard]] Result<std::string> put(Transaction& transaction, std::string_view bytes);
/// Errors: `kNotFound`.
[[nodiscard]] Result<std::string> get(Transaction& transaction, const std::string& hash);
/// One reference less; the last one takes the bytes with it. Errors: `kNotFound`.
[[nodiscard]] Status release(Transaction& transaction, const std::string& hash);

}  // namespace mnema::blob_store
