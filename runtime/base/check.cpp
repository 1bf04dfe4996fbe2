#include "runtime/base/check.hpp"

#include <cstdio>
#include <cstdlib>

namespace mnema {

void check_failed(const char* file, int line, const char* condition, const char* what_must_hold) {
  std::fprintf(stderr, "%s:%d: CHECK failed: %s\n  must hold: %s\n", file, line, condition, what_must_hold);
  std::fflush(stderr);
  std::abort();
}

}  // namespace mnema
