#include "tests/agents/sim/network.hpp"

#include <set>
#include <utility>

namespace mnema::testing {
using Kind = TransportFailure::Kind;

/// The transport's thread; of a dead process, whoever asks.
class Network::Home final : public Executor {
 public:
  explicit Home(Simulation& simulation) : lane_(simulation.lane("transport")) {}
  void post(std::function<void()> work) override { dead ? work() : lane_.post(std::move(work)); }
  void post_after(Duration delay, std::function<void()> work) override {
    if (!dead) lane_.post_after(delay, std::move(work));
  }
  bool dead = false;

 private:
  Executor& lane_;
};

/// What becomes of one request.
struct Network::Fate {
  bool acts = true;
  Duration after = std::chrono::milliseconds(1);
  bool answers = true;  // else it is silent
  int status = 200;
  int retry_after_s = 0;
  std::optional<TransportFailure> failure = std::nullopt;
  bool begins = false;  // the answer breaks off after its head
};

struct Network::Running final : Exchange, std::enable_shared_from_this<Running> {
  Running(Network& network_in, Executor& reply_in, TransportEvents events_in, bool left_in)
      : network(network_in), reply_to(reply_in), events(std::move(events_in)), left(left_in) {}
  void cancel() override {
    if (ended) return;
    if (network.simulation_.clock().monotonic_now() - began >= kLong) network.sometimes_.hit("call cut by deadline");
    end({.answers = false, .failure = TransportFailure{Kind::kCancelled, left, "cancelled"}}, "");
  }
  void end(const Fate& fate, const std::string& body) {
    if (std::exchange(ended, true)) return;
    reply_to.post([self = shared_from_this(), fate, body] {
      const TransportEvents told = std::exchange(self->events, {});
      if (!told.on_end) return;
      if (!fate.failure || fate.begins) {
        HttpHeaders headers;
        if (fate.retry_after_s > 0) headers.add("Retry-After", std::to_string(fate.retry_after_s));
        told.on_head(fate.status, std::move(headers));
        told.on_body(fate.begins ? body.substr(0, body.size() / 2) : body);
      }
      told.on_end(fate.failure);
    });
  }

  /// Its end was posted, and has not arrived.
  void end_now() {
    if (!ended || !events.on_end) return;
    const TransportEvents told = std::exchange(events, {});
    told.on_end(TransportFailure{Kind::kCancelled, left, "the process is dead"});
  }

  static constexpr Duration kLong = std::chrono::seconds(2);  // nobody goes away by himself after that
  Network& network;
  Executor& reply_to;
  TransportEvents events;
  const bool left;
  const MonotonicTime began = network.simulation_.clock().monotonic_now();
  bool ended = false;
};

Network::Network(Simulation& simulation, SometimesTable& sometimes)
    : simulation_(simulation), sometimes_(sometimes), home_(std::make_unique<Home>(simulation)) {}
Network::~Network() = default;

Executor& Network::executor() { return *home_; }
void Network::fail_for(Duration duration) { down_until_ = simulation_.clock().monotonic_now() + duration; }
void Network::begin_teardown() {
  home_->dead = true;
  // Ends that were on their way to a caller are lost with its thread.
  for (const std::weak_ptr<Running>& held : std::exchange(running_, {})) {
    if (const auto running = held.lock()) running->end_now();
  }
  asked_to_wait_.clear();
}
void Network::end_teardown() { home_->dead = false; }

void Network::respect_waits(const std::string& call) {
  const auto found = asked_to_wait_.find(call);
  if (found == asked_to_wait_.end()) return;
  if (simulation_.clock().monotonic_now() < found->second) violations.push_back(call + " came before it was asked to");
  sometimes_.hit("retry-after honoured");
  asked_to_wait_.erase(found);
}

Network::Fate Network::draw(const TransportRequest& request, const std::string& call) {
  Random& random = simulation_.random();
  Fate fate;
  fate.after = std::chrono::milliseconds(1 + random.below(20));
  if (trouble && simulation_.clock().monotonic_now() < down_until_) {
    return {.acts = false, .failure = TransportFailure{Kind::kNotSent, false, "connection refused"}};
  }
  if (!trouble) return fate;
  switch (random.below(24)) {
    case 0:
      return {.acts = false, .failure = TransportFailure{Kind::kNotSent, false, "connection refused"}};
    case 1:
      return {.acts = false, .failure = TransportFailure{Kind::kBroken, true, "reset before anything was done"}};
    case 2:
      return {.failure = TransportFailure{Kind::kBroken, true, "reset before the answer"}};
    case 3:
      return {.failure = TransportFailure{Kind::kBroken, true, "reset in the answer"}, .begins = true};
    case 4:
      return {.acts = random.below(2) == 0, .answers = false};
    case 5:
      fate.after = std::chrono::milliseconds(random.below(8'000));
      return fate;
    case 6:
      return {.acts = random.below(2) == 0, .status = 500};
    case 7: {
      const int seconds = 1 + static_cast<int>(random.below(3));
      asked_to_wait_[call] = simulation_.clock().monotonic_now() + std::chrono::seconds(seconds);
      return {.acts = false, .after = {}, .status = random.below(2) == 0 ? 429 : 503, .retry_after_s = seconds};
    }
    default:
      static_cast<void>(request);
      return fate;
  }
}

std::string Network::act(const TransportRequest& request) {
  const std::string& path = request.url.path;
  if (request.method == "GET") {
    const std::string id = path.substr(path.rfind('/') + 1);
    return effects["/charge"].contains(id) ? "charged" : "none";
  }
  const std::string key(request.headers.get("Idempotency-Key"));
  int& times = effects[path][request.body][key];
  const bool drops_repeats = path != "/charge" && path != "/wire";
  if (times > 0 && drops_repeats) return "known";
  ++times;
  if (path == "/out" || path == "/mail") arrived.push_back({path, request.body, key});
  return "done";
}

std::shared_ptr<HttpTransport::Exchange> Network::start(TransportRequest request, Executor& reply_to,
                                                        TransportEvents events) {
  if (home_->dead) return std::make_shared<Running>(*this, reply_to, std::move(events), false);
  const std::string call =
      request.method + " " + request.url.path + " " + std::string(request.headers.get("Idempotency-Key"));
  if (request.leave_by && simulation_.clock().monotonic_now() > *request.leave_by) {
    violations.push_back(call + " left after its permit");
  }
  respect_waits(call);
  const Fate fate = draw(request, call);
  const std::string body = fate.acts ? act(request) : "not now";
  auto running = std::make_shared<Running>(*this, reply_to, std::move(events), !fate.failure || fate.failure->left);
  std::erase_if(running_, [](const std::weak_ptr<Running>& gone) { return gone.expired(); });
  running_.push_back(running);
  if (fate.answers) {
    simulation_.lane("network").post_after(fate.after, [running, fate, body] { running->end(fate, body); });
  }
  return running;
}

}  // namespace mnema::testing
