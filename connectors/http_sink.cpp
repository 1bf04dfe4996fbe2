#include "connectors/http_sink.hpp"

namespace mnema {

void HttpSink::deliver(OutboxMessage message, Executor& reply_to, std::function<void(Status)> done) {
  HttpCall call;
  call.method = "POST";
  call.path = path_;
  call.content_type = std::move(message.content_type);
  call.body = std::move(message.body);
  call.idempotency_key = std::move(message.idempotency_key);
  call.repeatable = true;  // delivery is at least once
  if (!message.traceparent.empty()) call.headers.add("traceparent", std::move(message.traceparent));
  client_.send(std::move(call), reply_to, [done = std::move(done)](Result<HttpReply> reply) {
    done(reply.ok() ? Status{} : Status{reply.error()});
  });
}

}  // namespace mnema
