#include "connectors/http/curl_transport.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <atomic>
#include <future>

#include "runtime/exec/thread_pool_executor.hpp"
#include "tests/connectors/http/peer.hpp"
#include "tests/connectors/http/tls_peer.hpp"

namespace mnema {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::always;
using testing::NameServer;
using testing::Peer;
using testing::PeerConnection;
using testing::TlsPeer;
using Kind = TransportFailure::Kind;

std::string gzip(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

struct Answer {
  int status = 0;
  HttpHeaders headers;
  std::string body;
  std::optional<TransportFailure> failure;
};

/// An exchange that a test waits for, or cuts.
class Pending {
 public:
  Pending() : state_(std::make_shared<State>()) {}
  TransportEvents events() {
    TransportEvents events;
    events.on_head = [state = state_](int status, HttpHeaders headers) {
      state->answer.status = status;
      state->answer.headers = std::move(headers);
    };
    events.on_body = [state = state_](std::string bytes) {
      state->answer.body += bytes;
      state->body_bytes += bytes.size();
    };
    events.on_end = [state = state_](std::optional<TransportFailure> failure) {
      state->answer.failure = std::move(failure);
      state->ended.set_value();
    };
    return events;
  }
  Answer get() {
    if (state_->ended.get_future().wait_for(seconds(20)) != std::future_status::ready) {
      ADD_FAILURE() << "the exchange does not end";
      std::abort();
    }
    return state_->answer;
  }
  [[nodiscard]] std::size_t body_bytes() const { return state_->body_bytes; }

  std::shared_ptr<HttpTransport::Exchange> exchange;

 private:
  struct State {
    Answer answer;
    std::atomic<std::size_t> body_bytes{0};
    std::promise<void> ended;
  };
  std::shared_ptr<State> state_;
};

class CurlTransportTest : public ::testing::Test {
 protected:
  void SetUp() override { open({}); }
  void TearDown() override {
    transport_->stop();
    transport_->check_integrity();
    replies_.stop();
  }
  void open(CurlTransportOptions options) {
    auto opened = CurlTransport::open(std::move(options), clock_);
    ASSERT_TRUE(opened.ok()) << opened.error().text();
    transport_ = std::move(*opened);
  }
  static TransportRequest request(const std::string& url, std::string method = "GET") {
    TransportRequest request;
    request.method = std::move(method);
    request.url = *HttpUrl::parse(url);
    return request;
  }
  Pending start(TransportRequest request) {
    Pending pending;
    pending.exchange = transport_->start(std::move(request), replies_, pending.events());
    return pending;
  }
  Answer exchange(TransportRequest request) { return start(std::move(request)).get(); }
  Answer get(const Peer& peer) { return exchange(request(peer.url() + "/")); }
  /// The answer to a peer that writes `bytes` and closes.
  Answer answer_to(const std::string& bytes, const std::string& method = "GET") {
    Peer peer([bytes](PeerConnection& connection) {
      connection.read_request();
      connection.write(bytes);
    });
    return exchange(request(peer.url() + "/", method));
  }

  SystemClock clock_;
  ThreadPoolExecutor replies_{"replies", 1};
  std::unique_ptr<CurlTransport> transport_;
};

TEST_F(CurlTransportTest, SendsTheRequestAsItIsAndReadsTheAnswer) {
  std::promise<std::string> seen;
  Peer peer([&](PeerConnection& connection) {
    seen.set_value(connection.read_request());
    connection.write("HTTP/1.1 201 Created\r\nX-Id: 7\r\nX-Id: 8\r\nContent-Length: 2\r\n\r\nok");
  });
  TransportRequest post = request(peer.url() + "/v1/a%2fb/%7E?x={1}&y=%20|", "POST");
  post.headers = {{"X-Trace", "t"}, {"X-Empty", ""}, {"Content-Type", "application/json"}};
  post.body = std::string("{\"a\":\0}", 7);
  const Answer answer = exchange(std::move(post));
  ASSERT_FALSE(answer.failure) << answer.failure->text;
  EXPECT_EQ(answer.status, 201);
  EXPECT_EQ(answer.headers.get("x-id"), "7");
  EXPECT_EQ(answer.body, "ok");
  const std::string sent = seen.get_future().get();
  EXPECT_TRUE(sent.starts_with("POST /v1/a%2fb/%7E?x={1}&y=%20| HTTP/1.1\r\n")) << sent;
  EXPECT_TRUE(sent.ends_with(std::string("{\"a\":\0}", 7))) << sent;
  EXPECT_NE(sent.find("X-Trace: t\r\n"), std::string::npos) << sent;
  EXPECT_NE(sent.find("X-Empty:\r\n"), std::string::npos) << sent;
  EXPECT_EQ(sent.find("Expect"), std::string::npos) << sent;
  EXPECT_EQ(sent.find("urlencoded"), std::string::npos) << sent;
}

TEST_F(CurlTransportTest, SendsEveryMethodWithAndWithoutABody) {
  Peer peer([](PeerConnection& connection) {
    for (std::string sent = connection.read_request(); !sent.empty(); sent = connection.read_request()) {
      const std::string line = sent.substr(0, sent.find(' ')) + sent.substr(sent.find("\r\n\r\n") + 4);
      connection.write("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(line.size()) + "\r\n\r\n" + line);
    }
  });
  for (const std::string method : {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"}) {
    for (const std::string body : {"", "b"}) {
      TransportRequest sent = request(peer.url() + "/", method);
      sent.body = body;
      EXPECT_EQ(exchange(std::move(sent)).body, method + body);
    }
  }
}

TEST_F(CurlTransportTest, PassesOverInterimAnswers) {
  const Answer answer = answer_to(
      "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: 1\r\n\r\nok",
      "POST");
  ASSERT_FALSE(answer.failure) << answer.failure->text;
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "ok");
  EXPECT_FALSE(answer.headers.has("link"));
}

TEST_F(CurlTransportTest, ReadsChunksInAllTheirFormsAndTrailers) {
  const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const std::string chunks :
       {"2\r\nok\r\n0\r\n\r\n", "2\r\nok\r\n0\r\nX-Sum: 1\r\nX-Other: 2\r\n\r\n",
        "1;name=value\r\no\r\n01\r\nk\r\n000\r\n\r\n", "2\r\nok\r\n0\r\nContent-Length: 99\r\n\r\n"}) {
    const Answer answer = answer_to(head + chunks, "POST");
    ASSERT_FALSE(answer.failure) << chunks << answer.failure->text;
    EXPECT_EQ(answer.body, "ok") << chunks;
    EXPECT_FALSE(answer.headers.has("x-sum"));
  }
  for (const std::string chunks : {"2\r\nok\r\n", "2\r\nok\r\n0\r\n", "2\r\nok\r\n0\r\nX-Sum: 1\r\n",
                                   "zz\r\nok\r\n0\r\n\r\n", "2\r\nokk\r\n0\r\n\r\n", "ffffffffffffffffff\r\nok"}) {
    const Answer answer = answer_to(head + chunks);
    ASSERT_TRUE(answer.failure) << chunks;
    EXPECT_EQ(answer.failure->kind, Kind::kBroken) << chunks;
    EXPECT_TRUE(answer.failure->left);
  }
}

TEST_F(CurlTransportTest, EndsAtOnceWhereAnAnswerHasNoBody) {
  for (const std::string head :
       {"204 No Content\r\n\r\n", "205 Reset Content\r\n\r\n", "304 Not Modified\r\nContent-Length: 5\r\n\r\n",
        "200 OK\r\nContent-Length: 0\r\n\r\n"}) {
    Peer peer(always("HTTP/1.1 " + head));
    const Answer answer = exchange(request(peer.url() + "/", "POST"));
    ASSERT_FALSE(answer.failure) << head << answer.failure->text;
    EXPECT_EQ(answer.body, "");
  }
  Peer peer(always("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"));
  EXPECT_FALSE(exchange(request(peer.url() + "/", "HEAD")).failure);
  EXPECT_FALSE(exchange(request(peer.url() + "/", "HEAD")).failure) << "on the same connection";
  EXPECT_EQ(peer.accepted(), 1);
}

TEST_F(CurlTransportTest, BelievesNoLengthThatIsNotKept) {
  EXPECT_EQ(answer_to("HTTP/1.1 200 OK\r\n\r\nuntil the end").body, "until the end");
  EXPECT_EQ(answer_to("HTTP/1.0 200 OK\r\n\r\nuntil the end").body, "until the end");
  EXPECT_EQ(answer_to("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and more").body, "ok");
  for (const std::string bytes :
       {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nok", "hello",
        "\r\n\r\n", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "HTTP/1.1 999999 x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok"}) {
    const Answer answer = answer_to(bytes);
    ASSERT_TRUE(answer.failure) << bytes;
    EXPECT_TRUE(answer.failure->left) << bytes;
    EXPECT_EQ(answer.failure->kind, Kind::kBroken) << bytes << answer.failure->text;
  }
}

TEST_F(CurlTransportTest, TakesNoPartOfAnAnswerForTheWholeWhereverItIsReset) {
  const std::string whole = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: 1\r\n\r\nhello";
  for (std::size_t bytes = 0; bytes < whole.size(); ++bytes) {
    Peer peer([&](PeerConnection& connection) {
      connection.read_request();
      connection.write(std::string_view(whole).substr(0, bytes));
      connection.reset();
    });
    const Answer answer = exchange(request(peer.url() + "/", "POST"));
    ASSERT_TRUE(answer.failure) << bytes;
    EXPECT_EQ(answer.failure->kind, Kind::kBroken);
    EXPECT_TRUE(answer.failure->left);
  }
  EXPECT_EQ(answer_to(whole).body, "hello");
}

TEST_F(CurlTransportTest, BoundsTheBodyAfterDecompressionAndTheHead) {
  const std::string text(100'000, 'x');
  auto gzipped = [](const std::string& bytes) {
    return "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: " + std::to_string(gzip(bytes).size()) +
           "\r\n\r\n" + gzip(bytes);
  };
  EXPECT_EQ(answer_to(gzipped(text)).body, text);
  Peer bomb(always(gzipped(std::string(64 << 20, '0'))));
  TransportRequest wary = request(bomb.url() + "/");
  wary.body_bytes_max = 1 << 20;
  Pending pending = start(std::move(wary));
  const Answer answer = pending.get();
  ASSERT_TRUE(answer.failure);
  EXPECT_EQ(answer.failure->kind, Kind::kTooLarge);
  EXPECT_LE(answer.body.size(), std::size_t{1} << 20);

  std::string heads;
  for (int i = 0; i < 20'000; ++i) heads += "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
  const Answer flooded = answer_to(heads);
  ASSERT_TRUE(flooded.failure);
  EXPECT_EQ(flooded.failure->kind, Kind::kTooLarge);
}

TEST_F(CurlTransportTest, SaysThatNothingLeftWhereThereIsNoConnection) {
  const Answer refused = exchange(request("http://127.0.0.1:" + std::to_string(testing::closed_port()) + "/", "POST"));
  ASSERT_TRUE(refused.failure);
  EXPECT_EQ(refused.failure->kind, Kind::kNotSent);
  EXPECT_FALSE(refused.failure->left);
  Peer plain([](PeerConnection& connection) { connection.write("this is no TLS at all\r\n\r\n"); });
  const Answer no_tls = exchange(request("https://127.0.0.1:" + std::to_string(plain.port()) + "/", "POST"));
  ASSERT_TRUE(no_tls.failure);
  EXPECT_EQ(no_tls.failure->kind, Kind::kNotSent) << no_tls.failure->text;
  EXPECT_FALSE(no_tls.failure->left);
}

TEST_F(CurlTransportTest, GivesUpAPeerThatStallsBeforeOrAfterTheRequest) {
  Peer silent([](PeerConnection& connection) { connection.wait_until_closed(); });
  TransportRequest tls = request("https://127.0.0.1:" + std::to_string(silent.port()) + "/", "POST");
  tls.connect_timeout = milliseconds(100);
  const Answer handshake = exchange(std::move(tls));
  ASSERT_TRUE(handshake.failure);
  EXPECT_EQ(handshake.failure->kind, Kind::kNotSent);
  EXPECT_FALSE(handshake.failure->left);
  TransportRequest plain = request(silent.url() + "/", "POST");
  plain.idle_timeout = milliseconds(100);
  const Answer answer = exchange(std::move(plain));
  ASSERT_TRUE(answer.failure);
  EXPECT_EQ(answer.failure->kind, Kind::kBroken);
  EXPECT_TRUE(answer.failure->left);
}

TEST_F(CurlTransportTest, TrustsOnlyCertificatesOfItsAuthoritiesForTheNameItCalls) {
  TlsPeer peer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "DNS:localhost");
  const std::string by_name = "https://localhost:" + std::to_string(peer.port()) + "/";
  const Answer stranger = exchange(request(by_name, "POST"));
  ASSERT_TRUE(stranger.failure);
  EXPECT_EQ(stranger.failure->kind, Kind::kUntrusted) << stranger.failure->text;
  EXPECT_FALSE(stranger.failure->left);
  CurlTransportOptions options;
  options.ca_file = peer.certificate_file();
  open(options);
  const Answer known = exchange(request(by_name, "POST"));
  ASSERT_FALSE(known.failure) << known.failure->text;
  EXPECT_EQ(known.body, "ok");
  const Answer other_name = exchange(request("https://127.0.0.1:" + std::to_string(peer.port()) + "/", "POST"));
  ASSERT_TRUE(other_name.failure);
  EXPECT_EQ(other_name.failure->kind, Kind::kUntrusted);
  CurlTransportOptions missing;
  missing.ca_file = "/nonexistent/ca.pem";
  EXPECT_EQ(CurlTransport::open(missing, clock_).error().code, ErrorCode::kNotFound);
}

TEST_F(CurlTransportTest, ResolvesNamesByTheServersItWasGiven) {
  NameServer names(true);
  Peer peer(always("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
  CurlTransportOptions options;
  options.dns_servers = names.address();
  open(options);
  for (int i = 0; i < 3; ++i) {
    const Answer answer = exchange(request("http://api.example:" + std::to_string(peer.port()) + "/"));
    ASSERT_FALSE(answer.failure) << answer.failure->text;
    EXPECT_EQ(answer.body, "ok");
  }
  EXPECT_EQ(names.questions(), 2);
}

TEST_F(CurlTransportTest, KeepsConnectionsUnlessAFreshOneIsWanted) {
  Peer peer(always("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(get(peer).failure);
  EXPECT_EQ(peer.accepted(), 1);
  TransportRequest fresh = request(peer.url() + "/", "POST");
  fresh.fresh_connection = true;
  EXPECT_FALSE(exchange(std::move(fresh)).failure);
  EXPECT_EQ(peer.accepted(), 2);
}

TEST_F(CurlTransportTest, LeavesItsConnectionsToNoChildProcess) {
  Peer peer(always("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
  ASSERT_FALSE(get(peer).failure);
  int found = 0;
  for (int descriptor = 3; descriptor < 1024; ++descriptor) {
    sockaddr_in to{};
    socklen_t length = sizeof(to);
    if (getpeername(descriptor, reinterpret_cast<sockaddr*>(&to), &length) != 0 || ntohs(to.sin_port) != peer.port())
      continue;
    ++found;
    EXPECT_NE(fcntl(descriptor, F_GETFD) & FD_CLOEXEC, 0);
  }
  EXPECT_EQ(found, 1) << "the kept connection";
}

TEST_F(CurlTransportTest, RefusesMoreExchangesThanItMayHaveAtOnce) {
  CurlTransportOptions options;
  options.exchanges_max = 2;
  open(options);
  Peer silent([](PeerConnection& connection) { connection.wait_until_closed(); });
  Pending first = start(request(silent.url() + "/"));
  Pending second = start(request(silent.url() + "/"));
  const Answer third = exchange(request(silent.url() + "/"));
  ASSERT_TRUE(third.failure);
  EXPECT_EQ(third.failure->kind, Kind::kNoCapacity);
  EXPECT_FALSE(third.failure->left);
  first.exchange->cancel();
  EXPECT_EQ(first.get().failure->kind, Kind::kCancelled);
  second.exchange->cancel();
  second.get();
}

TEST_F(CurlTransportTest, SendsNothingAfterItsPermit) {
  std::atomic<bool> saw_bytes{false};
  Peer peer([&](PeerConnection& connection) { saw_bytes = !connection.read_request().empty(); });
  TransportRequest late = request(peer.url() + "/", "POST");
  late.leave_by = clock_.monotonic_now() - milliseconds(1);
  const Answer answer = exchange(std::move(late));
  ASSERT_TRUE(answer.failure);
  EXPECT_EQ(answer.failure->kind, Kind::kNotSent);
  EXPECT_FALSE(answer.failure->left);
  EXPECT_FALSE(saw_bytes);
}

TEST_F(CurlTransportTest, GoesThroughAProxy) {
  std::promise<std::string> plain;
  Peer proxy([&](PeerConnection& connection) {
    plain.set_value(connection.read_request());
    connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  });
  std::promise<std::string> tunnel;
  Peer refusing([&](PeerConnection& connection) {
    tunnel.set_value(connection.read_request());
    connection.write("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");
  });
  CurlTransportOptions options;
  options.proxy = [&](const HttpUrl& url) -> std::optional<HttpUrl> {
    return *HttpUrl::parse(url.is_https ? refusing.url() : proxy.url());
  };
  open(options);
  const Answer answer = exchange(request("http://api.example/x"));
  ASSERT_FALSE(answer.failure) << answer.failure->text;
  EXPECT_EQ(answer.body, "ok");
  const std::string seen = plain.get_future().get();
  EXPECT_TRUE(seen.starts_with("GET http://api.example/x HTTP/1.1\r\nHost: api.example\r\n")) << seen;
  const Answer refused = exchange(request("https://api.example/x", "POST"));
  ASSERT_TRUE(refused.failure);
  EXPECT_EQ(refused.failure->kind, Kind::kNotSent) << refused.failure->text;
  EXPECT_FALSE(refused.failure->left);
  EXPECT_TRUE(tunnel.get_future().get().starts_with("CONNECT api.example:443 HTTP/1.1\r\n"));
}

/// Something to hang in: where, and whether a byte of the request has left by then.
struct Hang {
  std::string where;
  std::string url;
  bool left;
};

class CurlTransportHangs : public CurlTransportTest {
 protected:
  void SetUp() override {
    CurlTransportOptions options;
    options.dns_servers = names_.address();
    open(options);
  }
  std::vector<Hang> hangs() {
    return {{"the name server is silent", "http://api.example/", false},
            {"TLS is half open", "https://127.0.0.1:" + std::to_string(silent_.port()) + "/", false},
            {"no answer comes", silent_.url() + "/", true},
            {"the body stops", stopping_.url() + "/", true},
            {"a byte comes now and then", dripping_.url() + "/", true}};
  }

  NameServer names_{false};
  Peer silent_{[](PeerConnection& connection) { connection.wait_until_closed(); }};
  Peer stopping_{[](PeerConnection& connection) {
    connection.read_request();
    connection.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of");
    connection.wait_until_closed();
  }};
  Peer dripping_{[](PeerConnection& connection) {
    connection.read_request();
    connection.write("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
    while (connection.write("x")) poll(nullptr, 0, 5);
  }};
};

TEST_F(CurlTransportHangs, EndAtOnceWhenTheyAreCancelledAndHoldUpNobody) {
  Peer healthy(always("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
  std::vector<std::pair<Hang, Pending>> hanging;
  for (const Hang& hang : hangs()) {
    for (int i = 0; i < 10; ++i) hanging.emplace_back(hang, start(request(hang.url, "POST")));
  }
  const MonotonicTime began = clock_.monotonic_now();
  for (int i = 0; i < 50; ++i) EXPECT_FALSE(get(healthy).failure);
  // Seconds, where a resolver's thread or a handshake that is waited for would take as long as it likes.
  EXPECT_LT(clock_.monotonic_now() - began, seconds(2));
  const MonotonicTime cut = clock_.monotonic_now();
  for (auto& [hang, pending] : hanging) pending.exchange->cancel();
  for (auto& [hang, pending] : hanging) {
    const Answer answer = pending.get();
    ASSERT_TRUE(answer.failure) << hang.where;
    EXPECT_EQ(answer.failure->kind, Kind::kCancelled) << hang.where;
    EXPECT_EQ(answer.failure->left, hang.left) << hang.where;
  }
  EXPECT_LT(clock_.monotonic_now() - cut, seconds(1));
}

TEST_F(CurlTransportHangs, EndWhenTheTransportStops) {
  std::vector<Pending> hanging;
  for (const Hang& hang : hangs()) hanging.push_back(start(request(hang.url)));
  transport_->stop();
  for (Pending& pending : hanging) EXPECT_EQ(pending.get().failure->kind, Kind::kCancelled);
  EXPECT_EQ(exchange(request(silent_.url() + "/")).failure->kind, Kind::kCancelled);
  hanging.front().exchange->cancel();
}

TEST_F(CurlTransportHangs, EndOnceHoweverTheyAreCut) {
  for (const Hang& hang : hangs()) {
    for (int i = 0; i < 20; ++i) {
      TransportRequest racing = request(hang.url);
      racing.connect_timeout = milliseconds(i % 7);
      racing.idle_timeout = milliseconds(i % 5);
      Pending pending = start(std::move(racing));
      std::thread other([exchange = pending.exchange] { exchange->cancel(); });
      pending.exchange->cancel();
      EXPECT_TRUE(pending.get().failure.has_value()) << hang.where;
      other.join();
    }
  }
}

TEST_F(CurlTransportHangs, KeepTimersOfTheExecutorOnTime) {
  for (const Hang& hang : hangs()) {
    for (int i = 0; i < 10; ++i) start(request(hang.url));
  }
  std::promise<void> due;
  transport_->executor().post_after(milliseconds(20), [&] { due.set_value(); });
  EXPECT_EQ(due.get_future().wait_for(seconds(2)), std::future_status::ready);
}

}  // namespace
}  // namespace mnema
