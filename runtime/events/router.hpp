// runtime/events/router.hpp
//
// Where an event goes: checks it, picks the agent and its key by a table, hands it to the mailbox with its batch, and
// announces it to the prestage observers when it is in. Duplicates and fullness are the mailbox's to report.
//
// Threads:   set up before the first `accept`; `accept` from any thread (it may parse the payload for the key: large
//            bodies not on the loop).
// Ownership: borrows the mailbox and the observers, which outlive it.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "runtime/events/mailbox.hpp"
#include "runtime/events/prestage.hpp"

namespace mnema {

/// One line of the table. A pattern is a literal, or ends in '*', or is "" for any. The first line that fits wins.
struct Subscription {
  std::string agent;
  std::string type;    // "github.issues.*"
  std::string source;  // "webhook:/hooks/github"
};

class Router {
 public:
  Router(Mailbox& mailbox, const Limits& limits);

  /// Makes `agent` known. `key_template` (runtime/events/key_template.hpp) says which key an event without one gets; ""
  /// = all such events share the empty key.
  void add_agent(const std::string& agent, std::string key_template = {});
  /// Precondition: the agent is known.
  void subscribe(Subscription subscription);
  /// Tenants that may send events; without any, only "local".
  void add_tenant(std::string tenant);
  void add_observer(PrestageObserver& observer);

  /// Routes each event and hands the batch to the mailbox. Results beside those of Mailbox::accept: `kNotFound`
  /// (unknown agent; no subscription fits), `kPermissionDenied` (unknown tenant), `kInvalidArgument` (a field is
  /// missing or too large; the key's place is not in the payload).
  void accept(EventBatch batch, Executor& reply_to, BatchDone on_done);
  /// A batch of one.
  void accept(Event event, Executor& reply_to, AcceptDone on_done);

  /// Checks and completes `event` as `accept` does, without storing it. For events made inside a unit of work.
  [[nodiscard]] Result<Event> route(Event event) const { return route(std::move(event), {}); }

 private:
  [[nodiscard]] Result<Event> route(Event event, const std::string& key_template) const;

  Mailbox& mailbox_;
  const Limits& limits_;
  std::map<std::string, std::string> agents_;  // name -> key template
  std::vector<Subscription> subscriptions_;
  std::set<std::string> tenants_;
  std::vector<PrestageObserver*> observers_;
};

}  // namespace mnema
