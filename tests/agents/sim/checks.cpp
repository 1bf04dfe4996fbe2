#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "agents/turn/session_store.hpp"
#include "memory/store.hpp"
#include "tests/agents/sim/scenario.hpp"

namespace mnema::testing {
namespace {

bool is_chat(const std::string& id) { return id.find("-chat-") != std::string::npos; }
bool is_reminder(const std::string& id) { return id.starts_with("reminder-"); }

}  // namespace

void Scenario::check() {
  ASSERT_TRUE(waiting().empty()) << waiting().size() << " events were never accepted, " << waiting().front().id;
  ASSERT_TRUE(process_.is_idle()) << "what was accepted is finished";
  for (const std::string& violation : violations_) ADD_FAILURE() << violation;
  for (const std::string& violation : process_.network.violations) ADD_FAILURE() << violation;
  check_dead_letters();
  check_effects();
  check_places();
  check_messages();
  check_chats();
  check_facts();
  process_.check_integrity();
}

std::vector<Scenario::Place> Scenario::places() {
  std::vector<Place> all;
  for (const char* tenant : kTenants) {
    for (const char* agent : {"shop", "branch"}) {
      for (const char* key : {"k0", "k1", "k2"}) all.push_back({tenant, agent, key});
    }
  }
  return all;
}

/// What was to be done at a place, in the order of acceptance.
std::vector<std::string> Scenario::expected(const Place& place) const {
  std::map<Sequence, std::string> ids;
  for (const Sent& event : sent_) {
    if (event.tenant != place.tenant || event.agent != place.agent || event.key != place.key) continue;
    if (!dead_.contains(event.id)) ids[accepted_.at(event.id)] = event.id;
  }
  std::vector<std::string> in_order;
  for (auto& [sequence, id] : ids) in_order.push_back(id);
  return in_order;
}

std::vector<std::string> Scenario::ledger_of(const Place& place) {
  const auto stored = process_.runtime->runtime().database().read<std::optional<StoredState>>(
      [&](Transaction& transaction) { return find_state(transaction, place.tenant, place.agent, place.key); });
  if (!stored.ok()) {
    ADD_FAILURE() << stored.error().text();
    return {};
  }
  if (!*stored) return {};
  return from_json<Ledger>(*parse_bounded_json((*stored)->json, "the ledger"))->done;
}

void Scenario::check_dead_letters() {
  for (const Sent& event : sent_) {
    const bool hopeless = event.kind == kPoison || event.kind == kCostly;
    EXPECT_TRUE(!hopeless || dead_.contains(event.id)) << event.kind << " " << event.id << " is a dead letter";
    EXPECT_TRUE(!dead_.contains(event.id) || hopeless || event.kind == kWire) << event.kind << " " << event.id;
  }
}

/// What a tool of the model could not do, the model is told.
bool Scenario::said_thanks(const Sent& event) {
  const std::string place = event.tenant + "/" + event.agent + "/" + event.key;
  return process_.network.effects["/mail"].contains(place + " " + event.id + " thanks were sent");
}

void Scenario::check_effects() {
  auto& effects = process_.network.effects;
  for (const Sent& event : sent_) {
    const bool is_dead = dead_.contains(event.id);
    const bool is_order = event.kind == kPlain || event.kind == kThank || event.kind == kRemind;
    const std::map<std::string, bool> wanted = {{"/charge", is_order},
                                                {"/ship", is_order},
                                                {"/thank", said_thanks(event)},
                                                {"/wire", event.kind == kWire && !is_dead}};
    for (const auto& [path, is_wanted] : wanted) {
      const auto& keys = effects[path][event.id];
      const bool in_doubt = (event.kind == kWire && is_dead && path == "/wire") ||
                            (event.kind == kThank && !is_wanted && path == "/thank");
      if (in_doubt) {
        EXPECT_LE(keys.size(), 1U) << path << " of " << event.id << " happened once or not";
      } else {
        EXPECT_EQ(keys.size(), is_wanted ? 1U : 0U) << path << " of " << event.id << " has one key in all its attempts";
      }
      for (const auto& [key, times] : keys) EXPECT_EQ(times, 1) << event.id << " " << path << " under " << key;
    }
  }
}

void Scenario::check_places() {
  for (const Place& place : places()) {
    std::vector<std::string> ledger = ledger_of(place);
    for (const std::string& id : ledger) {
      EXPECT_NE(id.find(place.tenant + "-"), std::string::npos) << id << " stands in the ledger of " << place.text();
    }
    std::erase_if(ledger, is_chat);
    check_memory(place, ledger.size());
    std::set<std::string> reminders;
    for (const std::string& id : ledger) {
      EXPECT_TRUE(!is_reminder(id) || reminders.insert(id).second) << id << " was fired once";
    }
    for (const Sent& event : sent_) {
      if (event.tenant != place.tenant || event.agent != place.agent || event.key != place.key) continue;
      EXPECT_EQ(reminders.contains("reminder-" + event.id), event.kind == kRemind) << event.id;
    }
    std::erase_if(ledger, is_reminder);
    check_order(place, ledger);
  }
  const auto statistics = process_.runtime->memory().statistics();
  ASSERT_TRUE(statistics.ok()) << statistics.error().text();
  EXPECT_EQ(statistics->vectors_pending, 0);
  EXPECT_EQ(statistics->vectors, statistics->episodes);
}

void Scenario::check_order(const Place& place, const std::vector<std::string>& ledger) {
  std::vector<std::string> wanted = expected(place);
  std::vector<std::string> done = ledger, sent;
  for (const Network::Arrival& arrival : process_.network.arrived) {
    if (arrival.path != "/out" || !arrival.body.starts_with(place.text() + " ")) continue;
    const std::string id = arrival.body.substr(arrival.body.find(' ') + 1);
    if (!is_chat(id) && !is_reminder(id)) sent.push_back(id);
  }
  const auto as_set = [](const std::vector<std::string>& ids) {
    return std::multiset<std::string>(ids.begin(), ids.end());
  };
  EXPECT_EQ(as_set(done), as_set(wanted)) << "each event is done once at " << place.text();
  EXPECT_EQ(as_set(sent), as_set(wanted)) << "each event has one message out of " << place.text();
  for (std::vector<std::string>* ids : {&wanted, &done, &sent}) {
    std::erase_if(*ids, [&](const std::string& id) { return redriven_.contains(id); });
  }
  EXPECT_EQ(done, wanted) << "the order at " << place.text();
  EXPECT_EQ(sent, wanted) << "the order of messages out of " << place.text();
}

void Scenario::check_memory(const Place& place, std::size_t remembered) {
  MemoryStore& memory = process_.runtime->memory();
  for (const std::string tenant : kTenants) {
    const auto episodes = memory.thread({tenant, place.agent, "", place.key}, place.text(), 1'000);
    ASSERT_TRUE(episodes.ok()) << episodes.error().text();
    EXPECT_EQ(episodes->size(), tenant == place.tenant ? remembered : 0U) << place.text() << " as seen by " << tenant;
  }
  if (remembered > 0) {
    const Status chain = memory.verify_chain(place.tenant, place.text());
    EXPECT_TRUE(chain.ok()) << chain.error().text();
  }
}

void Scenario::check_messages() {
  std::size_t letters = 0;
  for (const Sent& event : sent_) letters += event.kind == kThank && !dead_.contains(event.id) ? 1 : 0;
  EXPECT_EQ(process_.network.effects["/mail"].size(), letters);
  for (const char* path : {"/out", "/mail"}) {
    for (const auto& [body, keys] : process_.network.effects[path]) {
      EXPECT_EQ(keys.size(), 1U) << body << " is one message under one key";
      const std::string tenant = body.substr(0, body.find('/'));
      EXPECT_NE(body.find(tenant + "-"), std::string::npos) << body << " is of its tenant";
    }
  }
}

/// Whatever failed meanwhile, the log was read to its end, and nobody's facts are another tenant's.
void Scenario::check_facts() {
  MemoryStore& memory = process_.runtime->memory();
  const auto statistics = memory.statistics();
  ASSERT_TRUE(statistics.ok()) << statistics.error().text();
  EXPECT_EQ(statistics->episodes_unread, 0);
  std::int64_t known = 0;
  for (const std::string tenant : kTenants) {
    FactQuery query;
    query.facts_max = 10'000;
    query.bytes_max = 0;
    const auto found = memory.facts_of(tenant, std::nullopt, query);
    ASSERT_TRUE(found.ok()) << found.error().text();
    for (const Fact& fact : found->facts) {
      EXPECT_NE(fact.subject.find(tenant + "-"), std::string::npos) << fact.subject << " is of " << tenant;
      EXPECT_EQ(fact.predicate, "state");
    }
    known += static_cast<std::int64_t>(found->facts.size());
  }
  EXPECT_EQ(known > 0, statistics->episodes > 0);
}

void Scenario::check_chats() {
  std::map<std::string, int> written, sent;
  for (const Place& place : places()) {
    for (const std::string& id : ledger_of(place)) written[id] += is_chat(id) ? 1 : 0;
  }
  for (const Network::Arrival& arrival : process_.network.arrived) {
    const std::string id = arrival.body.substr(arrival.body.find(' ') + 1);
    if (arrival.path == "/out" && is_chat(id)) ++sent[id];
  }
  std::erase_if(written, [](const auto& entry) { return entry.second == 0; });
  EXPECT_EQ(written, sent) << "a chat's state and its messages commit together";
  for (const auto& [id, chat] : chats_) {
    const int times = written.contains(id) ? written.at(id) : 0;
    EXPECT_LE(times, 1) << id;
    EXPECT_TRUE(!chat.answered || times == 1) << id << " was answered";
  }
}

}  // namespace mnema::testing
