#include "agents/host/relevance_calibration.hpp"

#include <gtest/gtest.h>

#include <string>

#include "inference/loading/catalogue.hpp"
#include "memory/relevance.hpp"
#include "runtime/base/log.hpp"

namespace mnema {
namespace {

std::string warning_of(std::string_view embedder) {
  std::string lines;
  LogOptions options;
  options.capture = [&lines](std::string_view line) { lines += line; };
  EXPECT_TRUE(configure_log(std::move(options)).ok());
  warn_unless_calibrated(embedder);
  EXPECT_TRUE(configure_log({}).ok());
  return lines;
}

TEST(RelevanceCalibration, OfTheUsualEncoderIsThere) {
  EXPECT_TRUE(relevance_is_calibrated(embedding_id("all-minilm-l6-v2")));
  EXPECT_EQ(warning_of(embedding_id("all-minilm-l6-v2")), "");
}

TEST(RelevanceCalibration, IsMissedAloudWhereMemoryWouldTakeAnEncoderForTheUsualOne) {
  const std::string other = embedding_id("/m/another-encoder");
  EXPECT_FALSE(relevance_is_calibrated(other));
  EXPECT_NE(warning_of(other).find("/m/another-encoder"), std::string::npos);
}

}  // namespace
}  // namespace mnema
