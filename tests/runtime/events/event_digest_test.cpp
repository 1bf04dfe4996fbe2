#include "runtime/events/event_digest.hpp"

#include <gtest/gtest.h>

#include "tests/runtime/runtime_fixture.hpp"

namespace mnema {
namespace {

using testing::event_of;

TEST(EventDigest, IsOfTenantSourceAndIdNotOfHowTheirLettersAreDivided) {
  const Event event = event_of("ab");
  Event other = event;
  other.source = event.source + "a";
  other.id = "b";
  EXPECT_NE(digest_of(other).identity, digest_of(event).identity);
  other = event;
  other.tenant = "other";
  EXPECT_NE(digest_of(other).identity, digest_of(event).identity);
  other = event;
  other.key = "other";
  EXPECT_EQ(digest_of(other).identity, digest_of(event).identity);
}

TEST(EventDigest, SeesAnotherContentButNotAnotherWayThere) {
  const Event event = event_of("a");
  Event other = event;
  other.data += " ";
  EXPECT_NE(digest_of(other).content, digest_of(event).content);
  other = event;
  other.type += "x";
  EXPECT_NE(digest_of(other).content, digest_of(event).content);
  other = event;
  other.time = from_micros(1);
  other.traceparent = "00-x";
  other.attributes = {{"delivery", "2"}};
  EXPECT_EQ(digest_of(other).content, digest_of(event).content) << "as a second delivery differs from the first";
}

}  // namespace
}  // namespace mnema
