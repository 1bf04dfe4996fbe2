#include "connectors/http/request_reader.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

#include "runtime/base/random.hpp"

namespace mnema {
namespace {

using Step = HttpRequestReader::Step;

class RequestReaderTest : public ::testing::Test {
 protected:
  int refused(std::string bytes) {
    HttpRequestReader reader(limits_, bodies_);
    return reader.feed(bytes) == Step::kRefused ? reader.refusal().status : 0;
  }
  Limits limits_ = Limits::tiny();
  BodyBudget bodies_{limits_};
  HttpRequestReader reader_{limits_, bodies_};
};

TEST_F(RequestReaderTest, ReadsARequestCutAnywhere) {
  std::string bytes = "POST /a%20b?c=d HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nX-Y: z\r\n\r\nabc";
  for (std::size_t piece = 1; piece < bytes.size(); ++piece) {
    HttpRequestReader reader(limits_, bodies_);
    std::string input;
    Step step = Step::kNeedMore;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      ASSERT_EQ(step, Step::kNeedMore);
      input += bytes.substr(at, piece);
      step = reader.feed(input);
    }
    ASSERT_EQ(step, Step::kRequest) << piece;
    HttpRequest request = reader.take_request();
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.path, "/a b");
    EXPECT_EQ(request.query, "c=d");
    EXPECT_EQ(request.headers.get("x-y"), "z");
    EXPECT_EQ(request.body, "abc");
    EXPECT_TRUE(reader.keep_alive());
  }
}

TEST_F(RequestReaderTest, LeavesThePipelinedRestForTheNext) {
  std::string input =
      "GET /1 HTTP/1.1\r\nHost: h\r\n\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\nrest";
  ASSERT_EQ(reader_.feed(input), Step::kRequest);
  EXPECT_EQ(reader_.take_request().path, "/1");
  reader_.next();
  ASSERT_EQ(reader_.feed(input), Step::kRequest);
  EXPECT_EQ(reader_.take_request().path, "/2");
  EXPECT_FALSE(reader_.keep_alive());
  EXPECT_EQ(input, "rest");
}

TEST_F(RequestReaderTest, ReadsAChunkedBody) {
  std::string input =
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n";
  ASSERT_EQ(reader_.feed(input), Step::kRequest);
  EXPECT_EQ(reader_.take_request().body, "abcde");
  EXPECT_TRUE(input.empty());
}

TEST_F(RequestReaderTest, RefusesWhatIsTooLarge) {
  std::string long_header(2000, 'x');
  EXPECT_EQ(refused("GET / HTTP/1.1\r\nHost: h\r\nX: " + long_header + "\r\n\r\n"), 431);
  EXPECT_EQ(refused("GET / HTTP/1.1\r\nHost: h\r\nX: " + long_header), 431);  // before its end has come
  EXPECT_EQ(refused("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5000\r\n\r\n"), 413);
  EXPECT_EQ(
      refused("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1400\r\n" + std::string(5120, 'x')),
      413);
}

TEST_F(RequestReaderTest, RefusesWhatIsNotHttp) {
  EXPECT_EQ(refused("hello\r\n\r\n"), 400);
  EXPECT_EQ(refused("GET / HTTP/2.0\r\nHost: h\r\n\r\n"), 505);
  EXPECT_EQ(refused("GET / HTTP/1.1\r\n\r\n"), 400);                        // no Host
  EXPECT_EQ(refused("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), 400);  // two
  EXPECT_EQ(refused("GET x HTTP/1.1\r\nHost: h\r\n\r\n"), 400);             // not a path
  EXPECT_EQ(refused("GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
  EXPECT_EQ(refused("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n"), 400);
  EXPECT_EQ(refused("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"), 400);
  // Two ways of saying where the body ends are how requests are smuggled past a proxy.
  EXPECT_EQ(refused("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            400);
}

TEST_F(RequestReaderTest, BoundsAChunksLineAndTheTrailersBeforeTheirEndHasCome) {
  const std::string header = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const std::string& endless : {std::string("1;"), std::string("1\r\na\r\n0\r\nX: ")}) {
    HttpRequestReader reader(limits_, bodies_);
    std::string input = header + endless;
    Step step = reader.feed(input);
    std::size_t fed = 0;
    for (; step == Step::kNeedMore && fed < 100'000; fed += 100) {
      input += std::string(100, 'a');
      step = reader.feed(input);
    }
    ASSERT_EQ(step, Step::kRefused);
    EXPECT_EQ(reader.refusal().status, 431);
    EXPECT_LE(fed, 2'000U);
  }
}

TEST_F(RequestReaderTest, RefusesEveryOtherWayOfSayingWhereTheBodyEnds) {
  const auto with = [](const std::string& fields, const std::string& version = "1.1") {
    return "POST / HTTP/" + version + "\r\nHost: h\r\n" + fields + "\r\n3\r\nabc\r\n0\r\n\r\n";
  };
  EXPECT_EQ(refused(with("Transfer-Encoding: chunked\r\n")), 0);
  EXPECT_EQ(refused(with("Transfer-Encoding: CHUNKED\r\n")), 0);
  EXPECT_EQ(refused(with("Transfer-Encoding: chunked, identity\r\n")), 400);
  EXPECT_EQ(refused(with("Transfer-Encoding: identity\r\n")), 400);
  EXPECT_EQ(refused(with("Transfer-Encoding: gzip\r\nContent-Length: 3\r\n")), 400);
  EXPECT_EQ(refused(with("Transfer-Encoding: gzip, chunked\r\n")), 400);
  EXPECT_EQ(refused(with("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n")), 400);
  EXPECT_EQ(refused(with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")), 400);
  EXPECT_EQ(refused(with("Transfer-Encoding: xchunked\r\n")), 400);
  EXPECT_EQ(refused(with("Transfer-Encoding:\r\n")), 400);
  EXPECT_EQ(refused(with("Transfer-Encoding: chunked\r\n", "1.0")), 400);
}

TEST_F(RequestReaderTest, SeesThatTheClientWaitsForContinue) {
  std::string input = "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
  EXPECT_EQ(reader_.feed(input), Step::kNeedMore);
  EXPECT_TRUE(reader_.header_done());
  EXPECT_TRUE(reader_.expects_continue());
}

TEST_F(RequestReaderTest, TakesPathAndHostOfAnAbsoluteTarget) {
  struct Case {
    const char* target;
    const char* host;
    const char* path;
    const char* query;
  };
  for (const Case& c : {Case{"http://h:1/x/y?z", "h:1", "/x/y", "z"},
                        Case{"HTTP://other.example/health", "other.example", "/health", ""},
                        Case{"hTTps://[::1]:2", "[::1]:2", "/", ""}, Case{"http://h?a=/b", "h", "/", "a=/b"},
                        Case{"http://h/a://b", "h", "/a://b", ""}, Case{"/http://h/a", "local", "/http://h/a", ""}}) {
    HttpRequestReader reader(limits_, bodies_);
    std::string input = std::string("GET ") + c.target + " HTTP/1.1\r\nHost: local\r\n\r\n";
    ASSERT_EQ(reader.feed(input), Step::kRequest) << c.target;
    const HttpRequest request = reader.take_request();
    EXPECT_EQ(request.headers.get("host"), c.host) << c.target;
    EXPECT_EQ(request.path, c.path) << c.target;
    EXPECT_EQ(request.query, c.query) << c.target;
  }
}

TEST_F(RequestReaderTest, RefusesOtherFormsOfTarget) {
  const auto target = [](const std::string& line) { return line + " HTTP/1.1\r\nHost: h\r\n\r\n"; };
  EXPECT_EQ(refused(target("CONNECT other.example:443")), 501);
  EXPECT_EQ(refused(target("CONNECT /x")), 501);
  EXPECT_EQ(refused(target("GET other.example:443")), 400);
  EXPECT_EQ(refused(target("GET http:///x")), 400);
  EXPECT_EQ(refused(target("GET http://?x")), 400);
  EXPECT_EQ(refused(target("GET http://127.0.0.1@other.example/x")), 400);
  EXPECT_EQ(refused(target("GET ftp://h/x")), 400);
  EXPECT_EQ(refused(target("GET *")), 400);
  EXPECT_EQ(refused(target("OPTIONS *")), 0);
}

/// `text` as zlib writes it; `window_bits` as deflateInit2 takes them: 31 gzip, 15 zlib, -15 raw.
std::string deflated(const std::string& text, int window_bits) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, static_cast<uLong>(text.size())) + 64, '\0');
  std::string in = text;
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string coded(const std::string& body, const std::string& coding) {
  return "POST / HTTP/1.1\r\nHost: h\r\nContent-Encoding: " + coding +
         "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

TEST_F(RequestReaderTest, DecodesAGzipOrDeflateBodyCutAnywhere) {
  std::string text;
  for (int i = 0; i < 60; ++i) text += "{\"line\": " + std::to_string(i * i) + "}";
  const std::string halves = deflated(text.substr(0, 100), 31) + deflated(text.substr(100), 31);
  const struct {
    std::string body;
    const char* coding;
  } cases[] = {{deflated(text, 31), "gzip"},
               {deflated(text, 31), "X-GZIP"},
               {deflated(text, 15), "deflate"},
               {deflated(text, -15), "deflate"},
               {halves, "gzip"}};
  for (const auto& one : cases) {
    const std::string whole = coded(one.body, one.coding);
    for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
      HttpRequestReader reader(limits_, bodies_);
      std::string input = whole.substr(0, cut);
      if (reader.feed(input) == Step::kNeedMore) {
        input += whole.substr(cut);
        ASSERT_EQ(reader.feed(input), Step::kRequest) << one.coding << " cut at " << cut;
      }
      const HttpRequest request = reader.take_request();
      ASSERT_EQ(request.body, text) << one.coding << " cut at " << cut;
      ASSERT_EQ(request.headers.get("content-encoding"), "");
      ASSERT_EQ(request.headers.get("content-length"), "");
    }
  }
  std::string chunked = "POST / HTTP/1.1\r\nHost: h\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const char c : deflated("[1]", 31)) chunked += std::string("1\r\n") + c + "\r\n";
  chunked += "0\r\n\r\n";
  ASSERT_EQ(reader_.feed(chunked), Step::kRequest);
  EXPECT_EQ(reader_.take_request().body, "[1]");
}

TEST_F(RequestReaderTest, RefusesACodedBodyThatIsBroken) {
  const std::string body = deflated("{\"a\": 1}", 31);
  for (std::size_t length = 1; length < body.size(); ++length) {
    EXPECT_EQ(refused(coded(body.substr(0, length), "gzip")), 400) << length;
  }
  EXPECT_EQ(refused(coded("{\"a\": 1}", "gzip")), 400);
  EXPECT_EQ(refused(coded(body + "x", "gzip")), 400);
  EXPECT_EQ(refused(coded(deflated("{}", 15) + "x", "deflate")), 400);
  std::string wrong_sum = body;
  wrong_sum[wrong_sum.size() - 6] = static_cast<char>(wrong_sum[wrong_sum.size() - 6] ^ 1);
  EXPECT_EQ(refused(coded(wrong_sum, "gzip")), 400);
}

TEST_F(RequestReaderTest, BoundsWhatACodedBodyBecomes) {
  const auto most = static_cast<std::size_t>(limits_.http_body_bytes_max);
  EXPECT_EQ(refused(coded(deflated(std::string(most, 'x'), 31), "gzip")), 0);
  EXPECT_EQ(refused(coded(deflated(std::string(most + 1, 'x'), 31), "gzip")), 413);
  EXPECT_EQ(refused(coded(deflated(std::string(most * 500, 'x'), 15), "deflate")), 413);
  bodies_.check_integrity();
  EXPECT_EQ(bodies_.bytes_used(), 0);
  const auto other = bodies_.open();
  ASSERT_TRUE(other->grow_to(limits_.http_bodies_bytes_max - 500));
  EXPECT_EQ(refused(coded(deflated(std::string(4000, 'x'), 31), "gzip")), 503) << "no room beside the others";
}

TEST_F(RequestReaderTest, RefusesABodyInACodingThatItDoesNotKnowBeforeItComes) {
  for (const char* coding : {"br", "zstd", "gzip, gzip", "gzip\r\nContent-Encoding: gzip"}) {
    EXPECT_EQ(refused("POST / HTTP/1.1\r\nHost: h\r\nContent-Encoding: " + std::string(coding) +
                      "\r\nContent-Length: 900\r\n\r\n"),
              415)
        << coding;
  }
  EXPECT_EQ(refused("POST / HTTP/1.1\r\nHost: h\r\nContent-Encoding: Identity\r\nContent-Length: 0\r\n\r\n"), 0);
}

TEST_F(RequestReaderTest, TakesMemoryForABodyOnlyAsItComes) {
  std::string input = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4000\r\n\r\n";
  ASSERT_EQ(reader_.feed(input), Step::kNeedMore);
  EXPECT_EQ(bodies_.bytes_used(), 0) << "what is announced costs nothing";
  input = std::string(100, 'x');
  ASSERT_EQ(reader_.feed(input), Step::kNeedMore);
  EXPECT_GE(bodies_.bytes_used(), 100);
  input = std::string(3900, 'x');
  ASSERT_EQ(reader_.feed(input), Step::kRequest);
  const HttpRequest request = reader_.take_request();
  EXPECT_EQ(bodies_.bytes_used(), static_cast<std::int64_t>(request.body.capacity()));
  {
    const auto lease = reader_.take_lease();
  }
  EXPECT_EQ(bodies_.bytes_used(), 0);
}

TEST_F(RequestReaderTest, RefusesABodyThatFitsNoMoreBesideTheOthers) {
  const auto other = bodies_.open();
  ASSERT_TRUE(other->grow_to(limits_.http_bodies_bytes_max - 500));
  const std::string half = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n";
  HttpRequestReader reader(limits_, bodies_);
  std::string input = half;
  ASSERT_EQ(reader.feed(input), Step::kRefused);
  EXPECT_EQ(reader.refusal().status, 503);
  EXPECT_TRUE(reader.refusal().error.retryable);
  bodies_.check_integrity();
  EXPECT_EQ(bodies_.bytes_used(), limits_.http_bodies_bytes_max - 500);
}

TEST_F(RequestReaderTest, KeepsItsAccountsWhateverItIsFed) {
  const std::string valid =
      "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n5\r\nabcde\r\n0\r\nX: y\r\n\r\n";
  SeededRandom random(7);
  int requests = 0;
  for (int round = 0; round < 2'000; ++round) {
    std::string bytes = valid + valid;
    for (std::uint64_t i = random.below(3); i > 0; --i)
      bytes[random.below(bytes.size())] = static_cast<char>(random.below(256));
    HttpRequestReader reader(limits_, bodies_);
    std::string input;
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t piece = 1 + random.below(40);
      input += bytes.substr(at, piece);
      at += piece;
      const Step step = reader.feed(input);
      bodies_.check_integrity();
      if (step == Step::kRefused) {
        EXPECT_EQ(bodies_.bytes_used(), 0);
        break;
      }
      if (step != Step::kRequest) continue;
      ++requests;
      const HttpRequest request = reader.take_request();
      const auto lease = reader.take_lease();
      EXPECT_GE(bodies_.bytes_used(), static_cast<std::int64_t>(request.body.size()));
      reader.next();
    }
  }
  EXPECT_EQ(bodies_.bytes_used(), 0);
  EXPECT_GT(requests, 1'000) << "not all of it was noise";
}

TEST_F(RequestReaderTest, KnowsTheOldProtocol) {
  std::string input = "GET / HTTP/1.0\r\n\r\n";
  ASSERT_EQ(reader_.feed(input), Step::kRequest);
  EXPECT_TRUE(reader_.is_http_1_0());
  EXPECT_FALSE(reader_.keep_alive());
}

}  // namespace
}  // namespace mnema
