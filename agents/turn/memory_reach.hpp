// agents/turn/memory_reach.hpp
//
// Who recalls later what a turn remembers. Memory knows four names of an owner (runtime/base/scope.hpp: tenant, agent,
// user, session), and whoever asks must have each name that the owner has. A turn asks as its tenant, agent, user and,
// as session, its key (in a chat: its conversation), so:
//
//   kKey     turns of this agent under the same key, or in the same conversation       tenant, agent, session
//   kUser    this agent, whatever it does for the same user                            tenant, agent, user
//   kAgent   this agent in all its turns, chats with anybody included                  tenant, agent
//   kTenant  every agent of the tenant                                                 tenant
//
// By default events' turns remember for their key: what a customer's order said is not quoted to the next customer, nor
// in a chat. A chat remembers for its user, or, where nobody is known, for itself.
//
// Threads: pure functions.
#pragma once

#include "runtime/base/scope.hpp"

namespace mnema {

enum class MemoryReach { kKey, kUser, kAgent, kTenant };

/// As whom a turn recalls. `turn`: tenant, agent, user and key of an event, or the session of a chat. Events without a
/// key have a memory of their own, which no chat is part of.
[[nodiscard]] Scope asker_of(const Scope& turn);

/// Whose an episode with this reach is. kUser without a user is kKey.
[[nodiscard]] Scope owner_of(const Scope& turn, MemoryReach reach);

}  // namespace mnema
