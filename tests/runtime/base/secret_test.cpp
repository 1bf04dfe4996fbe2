#include "runtime/base/secret.hpp"

#include <gtest/gtest.h>

#include <new>
#include <ostream>
#include <string>
#include <type_traits>

namespace mnema {
namespace {

template <class T>
concept Printable = requires(std::ostream& out, const T& value) { out << value; };

TEST(Secret, HasNoWayIntoTextBesideReveal) {
  static_assert(!Printable<Secret>);
  static_assert(Printable<std::string>);
  static_assert(!std::is_convertible_v<std::string, Secret>);  // nothing becomes a secret unnoticed
  EXPECT_EQ(Secret("hush").reveal(), "hush");
}

TEST(Secret, LeavesNoBytesBehindWhenItGoesOrMoves) {
  // Short enough to stand inside the object, where a moved-from string leaves its bytes.
  alignas(Secret) unsigned char memory[sizeof(Secret)];
  const auto holds = [&memory] {
    std::string bytes;  // read as they are, whatever the compiler knows of lifetimes
    for (const volatile unsigned char& byte : memory) bytes += static_cast<char>(byte);
    return bytes.find("hush") != std::string::npos;
  };
  auto* secret = new (memory) Secret("hushhush");
  ASSERT_TRUE(holds());
  const Secret moved = std::move(*secret);
  EXPECT_FALSE(holds());
  EXPECT_TRUE(secret->empty());
  EXPECT_EQ(moved.reveal(), "hushhush");
  *secret = moved;
  ASSERT_TRUE(holds());
  *secret = Secret("x");
  EXPECT_FALSE(holds());
  *secret = moved;
  secret->~Secret();
  EXPECT_FALSE(holds());
}

TEST(Secret, IsComparedByAllItsBytes) {
  EXPECT_TRUE(equal_in_constant_time("abc", "abc"));
  EXPECT_FALSE(equal_in_constant_time("abc", "abd"));
  EXPECT_FALSE(equal_in_constant_time("abc", "xbc"));
  EXPECT_FALSE(equal_in_constant_time("abc", "abcd"));
  EXPECT_TRUE(equal_in_constant_time("", ""));
}

}  // namespace
}  // namespace mnema
