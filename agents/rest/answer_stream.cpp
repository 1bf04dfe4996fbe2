#include "agents/rest/answer_stream.hpp"

#include <boost/json/serialize.hpp>

#include "connectors/http/sse.hpp"

namespace mnema {

void AnswerStream::start() {
  strand_.post_after(keepalive_, [weak = weak_from_this()] {
    if (auto self = weak.lock()) self->tick();
  });
}

void AnswerStream::tick() {
  if (ended_) return;
  if (!spoke_) {
    begin();
    exchange_->write(sse_comment("ping"));
  }
  spoke_ = false;
  start();
}

void AnswerStream::begin() {
  if (begun_) return;
  begun_ = true;
  exchange_->begin_stream(200, HttpHeaders{{"content-type", "text/event-stream; charset=utf-8"},
                                           {"cache-control", "no-cache"},
                                           {"x-accel-buffering", "no"}});
  for (const std::string& json : opening_()) exchange_->write(sse_data(json));
}

void AnswerStream::event(std::string_view json) {
  if (ended_ || json.empty()) return;
  begin();
  spoke_ = true;
  exchange_->write(sse_data(json));
}

void AnswerStream::done() {
  if (ended_) return;
  begin();
  ended_ = true;
  exchange_->write(sse_data("[DONE]"));
  exchange_->end_stream();
}

void AnswerStream::fail(const RequestError& error) {
  if (ended_) return;
  ended_ = true;
  if (!begun_) return exchange_->respond(refusal_of(error));
  exchange_->write(sse_data(boost::json::serialize(error_value(error))));
  exchange_->end_stream();
}

}  // namespace mnema
