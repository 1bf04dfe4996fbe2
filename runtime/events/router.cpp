#include "runtime/events/router.hpp"

#include "runtime/base/check.hpp"
#include "runtime/events/event_codec.hpp"
#include "runtime/events/key_template.hpp"

namespace mnema {
namespace {

bool fits(const std::string& pattern, const std::string& text) {
  if (pattern.empty()) return true;
  if (pattern.back() != '*') return pattern == text;
  return text.compare(0, pattern.size() - 1, pattern, 0, pattern.size() - 1) == 0;
}

}  // namespace

Router::Router(Mailbox& mailbox, const Limits& limits) : mailbox_(mailbox), limits_(limits) {
  mailbox_.on_accepted([this](Sequence sequence, const std::shared_ptr<const Event>& event) {
    for (PrestageObserver* observer : observers_) observer->on_event_accepted(sequence, event);
  });
}

void Router::add_agent(const std::string& agent, std::string key_template) { agents_[agent] = std::move(key_template); }

void Router::subscribe(Subscription subscription) {
  CHECK(agents_.contains(subscription.agent), "a subscription names an agent that is known");
  subscriptions_.push_back(std::move(subscription));
}

void Router::add_tenant(std::string tenant) { tenants_.insert(std::move(tenant)); }
void Router::add_observer(PrestageObserver& observer) { observers_.push_back(&observer); }

Result<Event> Router::route(Event event, const std::string& key_template) const {
  RETURN_IF_ERROR(check_event(event, limits_.event_bytes_max));
  if (tenants_.empty() ? event.tenant != "local" : !tenants_.contains(event.tenant)) {
    return fail(ErrorCode::kPermissionDenied, "there is no tenant '" + event.tenant + "'");
  }
  if (event.agent.empty()) {
    for (const Subscription& subscription : subscriptions_) {
      if (!fits(subscription.type, event.type) || !fits(subscription.source, event.source)) continue;
      event.agent = subscription.agent;
      break;
    }
    if (event.agent.empty()) {
      return unrouted("no agent subscribes to events of type '" + event.type + "' from '" + event.source + "'",
                      "add the type to the `on` of an agent, or name the agent in the event");
    }
  }
  const auto agent = agents_.find(event.agent);
  if (agent == agents_.end()) return fail(ErrorCode::kNotFound, "there is no agent '" + event.agent + "'");
  // Only now: an event that nobody takes need not have the parts of a key.
  const std::string& of_key = key_template.empty() ? agent->second : key_template;
  if (event.key.empty() && !of_key.empty()) {
    ASSIGN_OR_RETURN(event.key, render_key(of_key, event));
    RETURN_IF_ERROR(check_event(event, limits_.event_bytes_max));
  }
  return event;
}

void Router::accept(EventBatch batch, Executor& reply_to, BatchDone on_done) {
  for (Result<Event>& event : batch.events) {
    if (event.ok()) event = route(std::move(*event), batch.key_template);
  }
  mailbox_.accept(std::move(batch), reply_to, std::move(on_done));
}

void Router::accept(Event event, Executor& reply_to, AcceptDone on_done) {
  accept(batch_of(std::move(event)), reply_to, answer_of_one(std::move(on_done)));
}

}  // namespace mnema
