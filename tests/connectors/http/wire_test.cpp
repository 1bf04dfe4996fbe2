#include "connectors/http/wire.hpp"

#include <gtest/gtest.h>

namespace mnema {
namespace {

TEST(ResponseHead, FramesAWholeBodyByItsLength) {
  ResponseFraming framing;
  framing.body_bytes = 5;
  EXPECT_EQ(response_head(200, {{"x-a", "1"}}, framing), "HTTP/1.1 200 OK\r\nx-a: 1\r\ncontent-length: 5\r\n\r\n");
}

TEST(ResponseHead, ChunksAStreamForHttp11AndClosesForHttp10) {
  ResponseFraming framing;
  EXPECT_NE(response_head(200, {}, framing).find("transfer-encoding: chunked\r\n"), std::string::npos);
  framing.http_1_0 = true;
  framing.close = true;
  std::string head = response_head(200, {}, framing);
  EXPECT_EQ(head.find("chunked"), std::string::npos);
  EXPECT_NE(head.find("connection: close\r\n"), std::string::npos);
}

TEST(ResponseHead, LetsNoHeaderBreakOutOfItsLine) {
  ResponseFraming framing;
  framing.body_bytes = 0;
  HttpHeaders headers{{"x-a", "1\r\nx-evil: 2"}, {"x b", "1"}, {"", "1"}, {"content-length", "99"}};
  EXPECT_EQ(response_head(204, headers, framing), "HTTP/1.1 204 No Content\r\n\r\n");
}

TEST(Chunk, CarriesItsSizeInHex) { EXPECT_EQ(chunk(std::string(26, 'x')), "1a\r\n" + std::string(26, 'x') + "\r\n"); }

}  // namespace
}  // namespace mnema
