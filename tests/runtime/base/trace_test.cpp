#include "runtime/base/trace.hpp"

#include <gtest/gtest.h>

namespace mnema {
namespace {

constexpr std::string_view kParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";  // of the standard

TEST(Trace, ContinuesTheStoryItWasHanded) {
  SeededRandom random(1);
  const auto parsed = parse_traceparent(kParent);
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->traceparent(), kParent);
  const TraceContext child = continue_trace(kParent, random);
  EXPECT_EQ(child.trace_id, parsed->trace_id);
  EXPECT_NE(child.span_id, parsed->span_id);
  EXPECT_TRUE(parse_traceparent(child.traceparent()).has_value());
  EXPECT_FALSE(parse_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00")->sampled);
  EXPECT_TRUE(parse_traceparent("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more").has_value())
      << "a later version begins as this one";
}

TEST(Trace, BeginsAnewWhereThereIsNone) {
  SeededRandom random(1);
  for (const char* none : {"", "x", "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
                           "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
                           "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
                           "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more"}) {
    EXPECT_FALSE(parse_traceparent(none).has_value()) << none;
    const TraceContext fresh = continue_trace(none, random);
    EXPECT_TRUE(parse_traceparent(fresh.traceparent()).has_value());
    EXPECT_NE(fresh.trace_id, std::string(kParent.substr(3, 32)));
  }
}

}  // namespace
}  // namespace mnema
