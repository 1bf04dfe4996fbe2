// runtime/base/check.hpp
//
// Assertions for our own bugs. `CHECK` stays on in release; `DCHECK` is for the costly ones and vanishes there.
// What the world does wrong (input, files, network) is never CHECKed: it is a `Result` (runtime/base/result.hpp).
#pragma once

namespace mnema {

/// Prints what must hold and where it did not, then aborts. Any thread. Never returns.
[[noreturn]] void check_failed(const char* file, int line, const char* condition, const char* what_must_hold);

}  // namespace mnema

#define CHECK(condition, what_must_hold)               \
  (static_cast<bool>(condition) ? static_cast<void>(0) \
                                : ::mnema::check_failed(__FILE__, __LINE__, #condition, what_must_hold))

#ifdef NDEBUG
#define DCHECK(condition, what_must_hold) static_cast<void>(sizeof(static_cast<bool>(condition)))
#else
#define DCHECK(condition, what_must_hold) CHECK(condition, what_must_hold)
#endif
