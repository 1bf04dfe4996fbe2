// bench/outbound_bench.cpp
//
// What a healthy upstream, the loop and the deadlines of calls notice of three upstreams that hang: one's name server
// is silent, another's TLS handshake stalls, a third's body stops. The peers are a process of their own, on loopback.
//
//   outbound_bench [--seconds 5] [--calls 50] [--deadline-ms 200] [--json]
//
// With a deadline above the time of a phase, the same calls hang all along: what waiting costs. Below it, each that
// ends is replaced: what beginning and ending costs, too.
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <boost/json.hpp>
#include <fstream>
#include <future>
#include <mutex>
#include <thread>
#include <vector>

#include "connectors/http/client.hpp"
#include "connectors/http/curl_transport.hpp"
#include "runtime/exec/loop.hpp"
#include "runtime/exec/thread_pool_executor.hpp"
#include "tests/connectors/http/peer.hpp"

namespace {

using namespace mnema;
using std::chrono::milliseconds;
using testing::NameServer;
using testing::Peer;
using testing::PeerConnection;

struct Ports {
  int healthy = 0;
  int silent = 0;
  int stopping = 0;
  int names = 0;
};

/// Serves until `closing` is at its end.
void serve_peers(int ports_out, int closing) {
  Peer healthy(testing::always("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
  Peer silent([](PeerConnection& connection) { connection.wait_until_closed(); });
  Peer stopping([](PeerConnection& connection) {
    connection.read_request();
    connection.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    connection.wait_until_closed();
  });
  NameServer names(false);
  const std::string address = names.address();
  const Ports ports{healthy.port(), silent.port(), stopping.port(), std::stoi(address.substr(address.find(':') + 1))};
  if (write(ports_out, &ports, sizeof(ports)) != sizeof(ports)) return;
  char end = 0;
  while (read(closing, &end, 1) > 0) {
  }
}

/// Allocated and touched beforehand, so that RSS is the client's; what is more than fits is not kept.
class Latencies {
 public:
  void add(Duration latency) {
    std::lock_guard lock(mutex_);
    if (count_ < values_.size()) values_[count_++] = static_cast<double>(latency.count()) / 1000;
  }
  /// In milliseconds.
  double percentile(double share) {
    std::lock_guard lock(mutex_);
    if (count_ == 0) return 0;
    const auto at = static_cast<std::size_t>(share * static_cast<double>(count_ - 1));
    const auto begin = values_.begin();
    std::nth_element(begin, begin + static_cast<std::ptrdiff_t>(at), begin + static_cast<std::ptrdiff_t>(count_));
    return values_[at];
  }
  std::size_t size() {
    std::lock_guard lock(mutex_);
    return count_;
  }

 private:
  std::mutex mutex_;
  std::vector<double> values_ = std::vector<double>(200'000);  // guarded by mutex_
  std::size_t count_ = 0;                                      // guarded by mutex_
};

long status_number(const std::string& name) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(name)) return std::stol(line.substr(name.size()));
  }
  return 0;
}

/// How long work waits for the loop, and for the transport's thread.
struct Pings {
  Latencies loop;
  Latencies transport;
};

struct Upstreams {
  Upstreams(std::string name, std::string url, int calls, HttpTransport& transport, Executor& blocking,
            const Clock& clock, Random& random, SecretsStore& secrets)
      : upstream(options(std::move(name), calls), clock),
        client(client_options(std::move(url)), upstream, secrets, transport, blocking, clock, random) {}
  static UpstreamOptions options(std::string name, int calls) {
    UpstreamOptions options;
    options.name = std::move(name);
    options.calls_in_flight_max = calls;
    options.retry.attempts_max = 1;
    options.breaker.failure_ratio = 2;  // never opens: every call shall hang
    return options;
  }
  static HttpClientOptions client_options(std::string url) {
    HttpClientOptions options;
    options.base_url = std::move(url);
    options.connect_timeout = std::chrono::minutes(10);  // the deadline is what ends a call
    options.read_timeout = std::chrono::minutes(10);
    options.total_timeout = std::chrono::minutes(10);
    return options;
  }
  Upstream upstream;
  HttpClient client;
};

class Bench {
 public:
  Bench(const Ports& ports, int calls, int deadline_ms) : calls_(calls), deadline_ms_(deadline_ms) {
    CurlTransportOptions options;
    options.dns_servers = "127.0.0.1:" + std::to_string(ports.names);
    transport_ = std::move(*CurlTransport::open(options, clock_));
    auto at = [](const std::string& scheme, int port) { return scheme + "://127.0.0.1:" + std::to_string(port); };
    add("healthy", at("http", ports.healthy));
    add("dns", "http://black.hole.example");
    add("tls", at("https", ports.silent));
    add("body", at("http", ports.stopping));
    loop_.start();
  }
  ~Bench() {
    for (auto& upstream : upstreams_) upstream->client.stop();
    transport_->stop();
    replies_.stop();
    loop_.stop();
    loop_.join();
  }

  /// One call after the other to the healthy upstream, and pings of the loop, for `time`.
  void measure(Duration time, Latencies& calls, Pings& pings) {
    const MonotonicTime until = clock_.monotonic_now() + time;
    while (clock_.monotonic_now() < until) {
      const MonotonicTime began = clock_.monotonic_now();
      std::promise<bool> done;
      upstreams_[0]->client.send({}, replies_, [&](const Result<HttpReply>& reply) { done.set_value(reply.ok()); });
      if (!done.get_future().get()) fmt::print(stderr, "the healthy upstream failed\n");
      calls.add(clock_.monotonic_now() - began);
      const MonotonicTime posted = clock_.monotonic_now();
      loop_.post([&pings, this, posted] { pings.loop.add(clock_.monotonic_now() - posted); });
      transport_->executor().post([&pings, this, posted] { pings.transport.add(clock_.monotonic_now() - posted); });
      std::this_thread::sleep_for(milliseconds(1));
    }
    for (Executor* executor : {static_cast<Executor*>(&loop_), &transport_->executor()}) {
      std::promise<void> drained;
      executor->post([&] { drained.set_value(); });
      drained.get_future().wait();
    }
  }

  /// `calls_` calls hang on each of the others from now on; each ends by a deadline, and the next takes its place.
  void hang(bool on) {
    hanging_ = on;
    if (!on) return;
    for (std::size_t upstream = 1; upstream < upstreams_.size(); ++upstream) {
      for (int i = 0; i < calls_; ++i) hang_once(upstream, milliseconds(deadline_ms_ + 17 * i));
    }
  }
  void wait_for_hanging() {
    while (out_ > 0) std::this_thread::sleep_for(milliseconds(5));
  }

  Latencies lateness;
  std::atomic<int> early{0};

 private:
  void add(const std::string& name, const std::string& url) {
    upstreams_.push_back(
        std::make_unique<Upstreams>(name, url, calls_, *transport_, blocking_, clock_, random_, secrets_));
  }
  void hang_once(std::size_t upstream, Duration time) {
    ++out_;
    HttpCall call;
    const MonotonicTime deadline = clock_.monotonic_now() + time;
    call.deadline = deadline;
    upstreams_[upstream]->client.send(call, replies_, [this, upstream, time, deadline](const Result<HttpReply>&) {
      const Duration late = clock_.monotonic_now() - deadline;
      if (late >= Duration::zero()) {
        lateness.add(late);
        if (hanging_) hang_once(upstream, time);
      } else {
        // A silent name server is given up after its tries, for a second.
        ++early;
        if (hanging_) hang_later(upstream, time, -late);
      }
      --out_;
    });
  }

  void hang_later(std::size_t upstream, Duration time, Duration delay) {
    ++out_;
    replies_.post_after(delay, [this, upstream, time] {
      if (hanging_) hang_once(upstream, time);
      --out_;
    });
  }

  const int calls_;
  const int deadline_ms_;  // of the first call; each further one has 17 ms more
  SystemClock clock_;
  SystemRandom random_;
  Loop loop_;
  ThreadPoolExecutor replies_{"replies", 1};
  ThreadPoolExecutor blocking_{"blocking", 1};
  SecretsStore secrets_{clock_};
  std::unique_ptr<CurlTransport> transport_;
  std::vector<std::unique_ptr<Upstreams>> upstreams_;
  std::atomic<bool> hanging_{false};
  std::atomic<int> out_{0};
};

void run(const Ports& ports, int seconds, int calls, int deadline_ms, bool as_json) {
  Bench bench(ports, calls, deadline_ms);
  const Duration time = std::chrono::seconds(seconds);
  Latencies alone;
  Pings alone_pings;
  Latencies beside;
  Pings beside_pings;
  {
    Latencies warm_up;
    Pings pings;
    bench.measure(milliseconds(500), warm_up, pings);
  }
  bench.measure(time, alone, alone_pings);
  bench.hang(true);
  {
    Latencies beginning;
    Pings pings;
    bench.measure(milliseconds(500), beginning, pings);
  }
  const long rss_before = status_number("VmRSS:");
  bench.measure(time, beside, beside_pings);
  const long rss_after = status_number("VmRSS:");
  const long threads = status_number("Threads:");
  bench.hang(false);
  bench.wait_for_hanging();

  const boost::json::object result = {
      {"calls_hanging_per_upstream", calls},
      {"healthy_calls", beside.size()},
      {"healthy_alone_p50_ms", alone.percentile(0.5)},
      {"healthy_alone_p99_ms", alone.percentile(0.99)},
      {"healthy_beside_p50_ms", beside.percentile(0.5)},
      {"healthy_beside_p99_ms", beside.percentile(0.99)},
      {"deadlines", bench.lateness.size()},
      {"deadlines_early", bench.early.load()},
      {"deadline_late_p99_ms", bench.lateness.percentile(0.99)},
      {"deadline_late_worst_ms", bench.lateness.percentile(1)},
      {"loop_ping_alone_p99_ms", alone_pings.loop.percentile(0.99)},
      {"loop_ping_beside_p99_ms", beside_pings.loop.percentile(0.99)},
      {"transport_ping_alone_p99_ms", alone_pings.transport.percentile(0.99)},
      {"transport_ping_beside_p99_ms", beside_pings.transport.percentile(0.99)},
      {"transport_ping_alone_worst_ms", alone_pings.transport.percentile(1)},
      {"transport_ping_beside_worst_ms", beside_pings.transport.percentile(1)},
      {"rss_before_kib", rss_before},
      {"rss_after_kib", rss_after},
      {"threads", threads},
  };
  if (as_json) {
    fmt::print("{}\n", boost::json::serialize(result));
    return;
  }
  for (const auto& [name, value] : result) {
    fmt::print("{:28} {}\n", std::string_view(name),
               value.is_double() ? fmt::format("{:.3f}", value.get_double()) : boost::json::serialize(value));
  }
}

}  // namespace

int main(int argc, char** argv) {
  int seconds = 5;
  int calls = 50;
  int deadline_ms = 200;
  bool as_json = false;
  CLI::App app("What upstreams that hang cost a healthy one");
  app.add_option("--seconds", seconds, "of each of the two phases");
  app.add_option("--calls", calls, "that hang, per upstream");
  app.add_option("--deadline-ms", deadline_ms, "of the calls that hang");
  app.add_flag("--json", as_json);
  CLI11_PARSE(app, argc, argv);

  int ports_pipe[2];
  int closing_pipe[2];
  if (pipe(ports_pipe) != 0 || pipe(closing_pipe) != 0) return 1;
  const pid_t peers = fork();
  if (peers == 0) {
    close(closing_pipe[1]);
    serve_peers(ports_pipe[1], closing_pipe[0]);
    return 0;
  }
  close(closing_pipe[0]);
  Ports ports;
  if (read(ports_pipe[0], &ports, sizeof(ports)) != sizeof(ports)) return 1;
  run(ports, seconds, calls, deadline_ms, as_json);
  close(closing_pipe[1]);
  waitpid(peers, nullptr, 0);
  return 0;
}
