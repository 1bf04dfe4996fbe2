// runtime/base/random.hpp
//
// Randomness as a dependency that is passed in. `SystemRandom` for keys, salts and ids; `SeededRandom` for simulation,
// tests and anything that must be repeatable.
//
// Threads: SystemRandom from any thread; SeededRandom is confined to one.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace mnema {

class Random {
 public:
  virtual ~Random() = default;
  [[nodiscard]] virtual std::uint64_t next_u64() = 0;

  /// Uniform in [0, bound). Precondition: bound > 0.
  [[nodiscard]] std::uint64_t below(std::uint64_t bound);
  /// Uniform in [0, 1).
  [[nodiscard]] double unit();
  void fill(std::span<std::uint8_t> bytes);
  /// A version 4 UUID in its usual text form.
  [[nodiscard]] std::string uuid();
};

/// The kernel's generator (getrandom).
class SystemRandom final : public Random {
 public:
  [[nodiscard]] std::uint64_t next_u64() override;
};

/// SplitMix64: the same seed gives the same numbers on every machine.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
  [[nodiscard]] std::uint64_t next_u64() override;

 private:
  std::uint64_t state_;
};

}  // namespace mnema
