#include "connectors/http/curl_transport.hpp"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "connectors/http/curl_exchange.hpp"
#include "connectors/http/curl_multi.hpp"
#include "connectors/http/resolver.hpp"
#include "connectors/http/timed_queue.hpp"
#include "connectors/http/trust_store.hpp"
#include "runtime/base/check.hpp"
#include "runtime/base/log.hpp"

namespace mnema {
namespace {

constexpr Duration kWaitMax = std::chrono::seconds(60);

TransportFailure cancelled(bool left) {
  return {TransportFailure::Kind::kCancelled, left, "the exchange was cancelled"};
}

}  // namespace

class CurlTransport::Core : public std::enable_shared_from_this<CurlTransport::Core> {
 public:
  Core(CurlTransportOptions options, TrustStore trust, const Clock& clock, std::unique_ptr<CurlMulti> multi)
      : options_(std::move(options)), trust_(std::move(trust)), clock_(clock), multi_(std::move(multi)) {}

  void run_thread() {
    thread_ = std::thread([this] { run(); });
  }
  void stop();
  std::shared_ptr<Exchange> start(TransportRequest request, Executor& reply_to, TransportEvents events);
  Executor& executor() { return queue_; }
  void check_integrity() const;

 private:
  void run();
  void begin(const std::shared_ptr<CurlExchange>& exchange);
  void connect(const std::shared_ptr<CurlExchange>& exchange, const std::optional<HttpUrl>& proxy,
               const Result<Addresses>& addresses);
  void cut(std::shared_ptr<CurlExchange> exchange, std::optional<TransportFailure> why);
  void cut_expired();
  void take_finished();
  void wait();

  const CurlTransportOptions options_;
  const TrustStore trust_;
  const Clock& clock_;
  const std::unique_ptr<CurlMulti> multi_;  // confined to thread_, as the rest but queue_
  std::atomic<std::thread::id> self_{};
  TimedQueue queue_{clock_, [this] {
                      if (self_.load(std::memory_order_relaxed) != std::this_thread::get_id()) multi_->wake();
                    }};
  Resolver resolver_{Resolver::Options{.servers = options_.dns_servers}, clock_,
                     [this](int descriptor, short events) { multi_->watch(descriptor, events); }};
  std::map<CurlExchange*, std::shared_ptr<CurlExchange>> running_;
  MonotonicTime look_at_{};  // no exchange expires before: hundreds that hang cost nothing per event of another
  long long started_ = 0;
  long long ended_ = 0;

  std::atomic<bool> stopping_{false};
  std::mutex joining_;  // guards thread_ in stop
  std::thread thread_;
};

std::shared_ptr<HttpTransport::Exchange> CurlTransport::Core::start(TransportRequest request, Executor& reply_to,
                                                                    TransportEvents events) {
  auto exchange = std::make_shared<CurlExchange>(
      std::move(request), reply_to, std::move(events), clock_, [weak = weak_from_this()](auto wanted) {
        if (auto core = weak.lock()) {
          core->queue_.post([core = core.get(), wanted] { core->cut(wanted, cancelled(wanted->has_left())); });
        }
      });
  if (!queue_.offer([this, exchange] { begin(exchange); })) exchange->end(cancelled(false));
  return exchange;
}

void CurlTransport::Core::begin(const std::shared_ptr<CurlExchange>& exchange) {
  if (exchange->has_ended()) return;
  ++started_;
  running_.emplace(exchange.get(), exchange);
  look_at_ = std::min(look_at_, exchange->expires_after(clock_.monotonic_now()));
  if (stopping_.load(std::memory_order_acquire)) return cut(exchange, cancelled(false));
  if (running_.size() > static_cast<std::size_t>(options_.exchanges_max)) {
    return cut(exchange, TransportFailure{TransportFailure::Kind::kNoCapacity, false, "too many calls at once"});
  }
  const std::optional<HttpUrl> proxy = options_.proxy ? options_.proxy(exchange->url()) : std::nullopt;
  exchange->resolving = resolver_.resolve(
      proxy ? proxy->host : exchange->url().host,
      [this, exchange, proxy](const Result<Addresses>& addresses) { connect(exchange, proxy, addresses); });
}

void CurlTransport::Core::connect(const std::shared_ptr<CurlExchange>& exchange, const std::optional<HttpUrl>& proxy,
                                  const Result<Addresses>& addresses) {
  exchange->resolving = 0;
  using Kind = TransportFailure::Kind;
  if (!addresses.ok()) return cut(exchange, TransportFailure{Kind::kNotSent, false, addresses.error().message});
  CURL* handle = exchange->prepare(*addresses, proxy, trust_, options_.idle_connection_time);
  if (handle == nullptr || !multi_->add(handle)) {
    return cut(exchange, TransportFailure{Kind::kNotSent, false, "curl cannot start an exchange"});
  }
  curl_easy_setopt(handle, CURLOPT_PRIVATE, exchange.get());
}

void CurlTransport::Core::cut(std::shared_ptr<CurlExchange> exchange, std::optional<TransportFailure> why) {
  const auto found = running_.find(exchange.get());
  if (found == running_.end()) {
    // Cancelled before its turn came: `begin` passes over it.
    if (!exchange->has_ended()) exchange->end(std::move(why));
    return;
  }
  if (exchange->resolving != 0) resolver_.forget(std::exchange(exchange->resolving, 0));
  if (exchange->handle() != nullptr) multi_->remove(exchange->handle());
  running_.erase(found);
  ++ended_;
  exchange->end(std::move(why));
}

void CurlTransport::Core::cut_expired() {
  const MonotonicTime now = clock_.monotonic_now();
  if (now < look_at_) return;
  std::vector<std::shared_ptr<CurlExchange>> expired;
  look_at_ = now + kWaitMax;
  for (const auto& [key, exchange] : running_) {
    if (exchange->expires() <= now) {
      expired.push_back(exchange);
    } else {
      look_at_ = std::min(look_at_, exchange->expires_after(now));
    }
  }
  for (const auto& exchange : expired) cut(exchange, exchange->expiry());
}

void CurlTransport::Core::take_finished() {
  while (const auto finished = multi_->take_finished()) {
    CurlExchange* key = nullptr;
    curl_easy_getinfo(finished->transfer, CURLINFO_PRIVATE, &key);
    const auto found = running_.find(key);
    CHECK(found != running_.end(), "a finished transfer belongs to a running exchange");
    const std::shared_ptr<CurlExchange> exchange = found->second;
    cut(exchange, exchange->outcome(finished->result));
  }
}

void CurlTransport::Core::wait() {
  Duration longest = std::min(kWaitMax, look_at_ - clock_.monotonic_now());
  for (const std::optional<Duration> patience : {queue_.patience(), resolver_.patience()}) {
    longest = std::min(longest, patience.value_or(longest));
  }
  multi_->wait(longest, [this](int descriptor, short events) { resolver_.on_ready(descriptor, events); });
}

void CurlTransport::Core::run() {
  pthread_setname_np(pthread_self(), "http-client");
  self_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  while (true) {
    queue_.run_due();
    if (stopping_.load(std::memory_order_acquire)) {
      while (!running_.empty()) cut(running_.begin()->second, cancelled(running_.begin()->second->has_left()));
      if (queue_.close_if_idle()) return;
      continue;
    }
    take_finished();  // first: an answer that is whole has not expired
    cut_expired();
    resolver_.on_time();
    wait();
  }
}

void CurlTransport::Core::stop() {
  stopping_.store(true, std::memory_order_release);
  multi_->wake();
  std::lock_guard lock(joining_);
  if (thread_.joinable()) thread_.join();
}

void CurlTransport::Core::check_integrity() const {
  CHECK(started_ == ended_ + static_cast<long long>(running_.size()), "exchanges started == ended + running");
  queue_.check_integrity();
  resolver_.check_integrity();
}

CurlTransportOptions CurlTransportOptions::from_environment() {
  CurlTransportOptions options;
  if (const char* file = std::getenv("SSL_CERT_FILE"); file != nullptr) options.ca_file = file;
  std::map<std::string, std::string, std::less<>> variables;
  for (const char* name :
       {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"}) {
    const char* value = std::getenv(name);
    if (value == nullptr) continue;
    variables.emplace(name, value);
    const std::string_view proxy = value;
    if (std::string_view(name).starts_with("no") || std::string_view(name).starts_with("NO") || proxy.empty()) continue;
    const std::string url =
        proxy.find("://") == std::string_view::npos ? "http://" + std::string(proxy) : std::string(proxy);
    if (const Result<HttpUrl> parsed = HttpUrl::parse(url); !parsed.ok()) {
      log_warning("http", "a proxy of the environment is not used",
                  {{"variable", name}, {"why", parsed.error().text()}});
    }
  }
  options.proxy = [variables = std::move(variables)](const HttpUrl& url) {
    return proxy_for(url, [&](const char* name) -> const char* {
      const auto found = variables.find(std::string_view(name));
      return found == variables.end() ? nullptr : found->second.c_str();
    });
  };
  return options;
}

Result<std::unique_ptr<CurlTransport>> CurlTransport::open(CurlTransportOptions options, const Clock& clock) {
  ASSIGN_OR_RETURN(TrustStore trust, TrustStore::load(options.ca_file));
  ASSIGN_OR_RETURN(std::unique_ptr<CurlMulti> multi, CurlMulti::open(options.idle_connections_max, clock));
  auto core = std::make_shared<Core>(std::move(options), std::move(trust), clock, std::move(multi));
  // Signals belong to other threads; a broken pipe of a TLS connection, to nobody.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  core->run_thread();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return std::unique_ptr<CurlTransport>(new CurlTransport(std::move(core)));
}

CurlTransport::~CurlTransport() { stop(); }

std::shared_ptr<HttpTransport::Exchange> CurlTransport::start(TransportRequest request, Executor& reply_to,
                                                              TransportEvents events) {
  return core_->start(std::move(request), reply_to, std::move(events));
}

Executor& CurlTransport::executor() { return core_->executor(); }
void CurlTransport::stop() { core_->stop(); }
void CurlTransport::check_integrity() const { core_->check_integrity(); }

}  // namespace mnema
