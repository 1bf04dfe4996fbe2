// memory/embed_in_time.hpp
//
// An embedder's answer, or the end of the patience for it: whoever asks for a vector to answer somebody goes on without
// one rather than wait for an embedder that says nothing.
//
// Threads: any; `on_done` on `reply_to`, once.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "memory/embedder.hpp"

namespace mnema {

/// As Embedder::embed, or with `tokens` embed_with_tokens, for somebody who waits. Errors: those of the embedder;
/// `kDeadlineExceeded` after `timeout`, and what the embedder says later is not listened to.
void embed_in_time(Embedder& embedder, std::vector<std::string> texts, Embedder::Kind kind, bool tokens,
                   Duration timeout, Executor& reply_to,
                   std::function<void(Result<std::vector<EmbeddedText>>)> on_done);

}  // namespace mnema
