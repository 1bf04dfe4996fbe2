#include "connectors/http/resolver.hpp"

#include <ares.h>
#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <utility>

#include "connectors/file_stamp.hpp"
#include "connectors/http/message.hpp"
#include "runtime/base/check.hpp"

namespace mnema {
namespace {

constexpr Duration kFailureKept = std::chrono::seconds(1);

bool is_address(const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  return inet_pton(AF_INET, host.c_str(), bytes.data()) == 1 || inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1;
}

std::string text_of(const sockaddr* address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* bytes = address->sa_family == AF_INET
                          ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in*>(address)->sin_addr)
                          : static_cast<const void*>(&reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr);
  return inet_ntop(address->sa_family, bytes, text.data(), text.size()) != nullptr ? text.data() : "";
}

Error unresolved(const std::string& host, const std::string& why) {
  return fail_retryable(ErrorCode::kUnavailable, "the name '" + host + "' cannot be resolved: " + why,
                        "check the name, and the DNS servers");
}

}  // namespace

/// One question to c-ares; it owns itself until the answer.
struct Resolver::Query {
  Resolver& resolver;
  std::string host;

  static void on_answer(void* self, int status, int, ares_addrinfo* found) {
    const std::unique_ptr<Query> query(static_cast<Query*>(self));
    const std::unique_ptr<ares_addrinfo, decltype(&ares_freeaddrinfo)> owned(found, &ares_freeaddrinfo);
    if (status == ARES_EDESTRUCTION) return;
    Resolver& resolver = query->resolver;
    Addresses addresses;
    Duration kept = resolver.options_.kept_max;
    for (const ares_addrinfo_node* node = found ? found->nodes : nullptr; node != nullptr; node = node->ai_next) {
      if (node->ai_family != AF_INET && node->ai_family != AF_INET6) continue;
      std::string text = text_of(node->ai_addr);
      if (text.empty() || std::find(addresses.begin(), addresses.end(), text) != addresses.end()) continue;
      addresses.push_back(std::move(text));
      kept = std::min<Duration>(kept, std::chrono::seconds(node->ai_ttl));
    }
    if (status == ARES_SUCCESS && !addresses.empty()) {
      return resolver.answer(query->host, std::move(addresses), std::max(kept, resolver.options_.kept_min));
    }
    const std::string why = status == ARES_SUCCESS ? "it has no address" : ares_strerror(status);
    resolver.answer(query->host, unresolved(query->host, why), kFailureKept);
  }

  static void on_socket(void* self, ares_socket_t descriptor, int readable, int writable) {
    static_cast<Resolver*>(self)->watch_(descriptor,
                                         static_cast<short>((readable ? POLLIN : 0) | (writable ? POLLOUT : 0)));
  }
};

Resolver::Resolver(Options options, const Clock& clock, Watch watch)
    : options_(std::move(options)), clock_(clock), watch_(std::move(watch)) {
  open_channel();
}

void Resolver::open_channel() {
  stamp_ = file_stamp(options_.configuration);
  ares_options settings{};
  settings.timeout = static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(options_.try_time).count());
  settings.tries = options_.tries;
  settings.sock_state_cb = &Query::on_socket;
  settings.sock_state_cb_data = this;
  std::string configuration = options_.configuration;
  settings.resolvconf_path = configuration.data();
  int status = ares_init_options(&channel_, &settings,
                                 ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB | ARES_OPT_RESOLVCONF);
  if (status == ARES_SUCCESS && !options_.servers.empty()) {
    status = ares_set_servers_ports_csv(channel_, options_.servers.c_str());
  }
  broken_.reset();
  if (status != ARES_SUCCESS) {
    broken_ = fail(ErrorCode::kInvalidArgument,
                   "the DNS servers '" + options_.servers + "' cannot be used: " + ares_strerror(status),
                   "write them as \"192.0.2.1,192.0.2.2:5353\"");
  }
}

/// c-ares reads it once; a machine that changes its network would ask the old servers until it is restarted.
void Resolver::reopen_if_changed() {
  if (!waiting_.empty() || file_stamp(options_.configuration) == stamp_) return;
  if (channel_ != nullptr) ares_destroy(std::exchange(channel_, nullptr));
  open_channel();
}

Resolver::~Resolver() {
  waiting_.clear();
  if (channel_ != nullptr) ares_destroy(channel_);
}

void Resolver::keep(const std::string& host, const Result<Addresses>& addresses, Duration kept) {
  const MonotonicTime now = clock_.monotonic_now();
  if (known_.size() >= options_.names_max) {
    std::erase_if(known_, [&](const auto& entry) { return entry.second.until <= now; });
    if (known_.size() >= options_.names_max) known_.clear();
  }
  known_.insert_or_assign(host, Known{addresses, now + kept});
}

void Resolver::answer(const std::string& host, Result<Addresses> addresses, Duration kept) {
  keep(host, addresses, kept);
  const auto found = waiting_.find(host);
  if (found == waiting_.end()) return;
  // A caller may ask again from its `done`.
  const auto callers = std::move(found->second);
  waiting_.erase(found);
  for (const auto& [id, done] : callers) done(addresses);
}

std::uint64_t Resolver::resolve(const std::string& host, Done done) {
  if (is_address(host)) return done(Addresses{host}), 0;
  if (equal_ignoring_case(host, "localhost")) return done(Addresses{"127.0.0.1", "::1"}), 0;
  reopen_if_changed();
  if (broken_) return done(*broken_), 0;
  if (const auto found = known_.find(host); found != known_.end() && found->second.until > clock_.monotonic_now()) {
    return done(found->second.addresses), 0;
  }
  const bool is_asked = waiting_.contains(host);
  const std::uint64_t caller = ++last_caller_;
  waiting_[host].emplace_back(caller, std::move(done));
  if (!is_asked) {
    ares_addrinfo_hints hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    auto query = std::make_unique<Query>(Query{*this, host});
    ares_getaddrinfo(channel_, host.c_str(), nullptr, &hints, &Query::on_answer, query.release());
  }
  const auto still = waiting_.find(host);  // names of /etc/hosts are answered inside the call
  return still == waiting_.end() ? 0 : caller;
}

void Resolver::forget(std::uint64_t caller) {
  for (auto& [host, callers] : waiting_) {
    std::erase_if(callers, [&](const auto& waiting) { return waiting.first == caller; });
  }
}

std::optional<Duration> Resolver::patience() const {
  timeval left{};
  if (channel_ == nullptr || waiting_.empty() || ares_timeout(channel_, nullptr, &left) == nullptr) return std::nullopt;
  return std::chrono::seconds(left.tv_sec) + Duration(left.tv_usec);
}

void Resolver::on_ready(int descriptor, short events) {
  if (channel_ == nullptr) return;
  ares_process_fd(channel_, (events & POLLIN) != 0 ? descriptor : ARES_SOCKET_BAD,
                  (events & POLLOUT) != 0 ? descriptor : ARES_SOCKET_BAD);
}

void Resolver::on_time() {
  if (channel_ != nullptr && !waiting_.empty()) ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

void Resolver::check_integrity() const {
  for (const auto& [host, callers] : waiting_) {
    for (const auto& [id, done] : callers)
      CHECK(id != 0 && id <= last_caller_ && done, "a waiting caller can be answered");
  }
  CHECK(waiting_.empty() || channel_ != nullptr, "every waiting caller belongs to a running query");
}

}  // namespace mnema
