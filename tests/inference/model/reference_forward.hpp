// tests/inference/model/reference_forward.hpp
//
// The four architectures written down once more, as plainly as possible and from the papers: one sequence, doubles, no
// pages, no cache, every position attended to anew. Only what a KV page stores is rounded as the page rounds it (f16).
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "tests/inference/model/small_model.hpp"

namespace mnema::testing {

class Reference {
 public:
  Reference(const SmallModelOptions& options, const GgufBytes& file) : o_(options), file_(file) {}

  /// Logits of every position, [tokens][vocabulary].
  std::vector<std::vector<double>> logits(const std::vector<TokenId>& tokens) {
    std::vector<Row> x;
    for (TokenId token : tokens) {
      Row row = matrix("token_embd.weight")[static_cast<std::size_t>(token)];
      if (gemma3()) scale(row, static_cast<float>(std::sqrt(static_cast<float>(o_.embedding))));
      x.push_back(row);
    }
    for (int layer = 0; layer < o_.layers; ++layer) {
      prefix_ = "blk." + std::to_string(layer) + ".";
      attention(x, layer);
      for (Row& row : x) {
        Row n = norm(row, "ffn_norm.weight");
        Row gate = times("ffn_gate.weight", n), up = times("ffn_up.weight", n);
        for (std::size_t i = 0; i < gate.size(); ++i) up[i] *= activate(gate[i]);
        Row y = times("ffn_down.weight", up);
        if (gemma3()) y = norm(y, "post_ffw_norm.weight");
        add(row, y);
      }
    }
    prefix_.clear();
    std::vector<Row> result;
    for (const Row& row : x) {
      Row y = times(o_.own_output ? "output.weight" : "token_embd.weight", norm(row, "output_norm.weight"));
      if (o_.logit_soft_cap > 0) {
        for (double& value : y) value = o_.logit_soft_cap * std::tanh(value / o_.logit_soft_cap);
      }
      result.push_back(y);
    }
    return result;
  }

 private:
  using Row = std::vector<double>;

  bool gemma3() const { return o_.architecture == "gemma3"; }

  void attention(std::vector<Row>& x, int layer) {
    const bool slides = gemma3() && o_.window > 0 && (layer + 1) % o_.window_pattern != 0;
    const auto dim = static_cast<std::size_t>(o_.key_dim);
    std::vector<Row> queries, keys, values;
    for (std::size_t at = 0; at < x.size(); ++at) {
      Row n = norm(x[at], "attn_norm.weight");
      Row q = times("attn_q.weight", n), k = times("attn_k.weight", n), v = times("attn_v.weight", n);
      if (o_.architecture == "qwen2") {
        add(q, vector("attn_q.bias"));
        add(k, vector("attn_k.bias"));
        add(v, vector("attn_v.bias"));
      }
      for (std::size_t head = 0; head < q.size(); head += dim) turn(q, head, at, "attn_q_norm.weight", slides);
      for (std::size_t head = 0; head < k.size(); head += dim) turn(k, head, at, "attn_k_norm.weight", slides);
      for (Row* stored : {&k, &v}) {
        for (double& value : *stored) value = f32_from_f16(f16_from_f32(static_cast<float>(value)));
      }
      queries.push_back(q), keys.push_back(k), values.push_back(v);
    }
    for (std::size_t at = 0; at < x.size(); ++at) {
      Row mixed(queries[at].size(), 0.0);
      for (int head = 0; head < o_.heads; ++head) {
        const std::size_t from = static_cast<std::size_t>(head / (o_.heads / o_.kv_heads)) * dim;
        const std::size_t to = static_cast<std::size_t>(head) * dim;
        const std::size_t window = static_cast<std::size_t>(o_.window);
        const std::size_t first = slides && at + 1 > window ? at + 1 - window : 0;
        Row weights;
        double sum = 0;
        for (std::size_t j = first; j <= at; ++j) {
          double score = 0;
          for (std::size_t d = 0; d < dim; ++d) score += queries[at][to + d] * keys[j][from + d];
          score /= std::sqrt(static_cast<double>(o_.key_dim));
          if (o_.attention_soft_cap > 0) score = o_.attention_soft_cap * std::tanh(score / o_.attention_soft_cap);
          weights.push_back(std::exp(score));
          sum += weights.back();
        }
        for (std::size_t j = first; j <= at; ++j) {
          for (std::size_t d = 0; d < dim; ++d) mixed[to + d] += weights[j - first] / sum * values[j][from + d];
        }
      }
      Row y = times("attn_output.weight", mixed);
      if (gemma3()) y = norm(y, "post_attention_norm.weight");
      add(x[at], y);
    }
  }

  /// One head of a query or key: its norm, where the architecture has one, then RoPE.
  void turn(Row& row, std::size_t begin, std::size_t position, const char* norm_name, bool slides) {
    const auto dim = static_cast<std::ptrdiff_t>(o_.key_dim);
    if (gemma3() || o_.architecture == "qwen3") {
      const auto head = row.begin() + static_cast<std::ptrdiff_t>(begin);
      Row normed = norm(Row(head, head + dim), norm_name);
      std::copy(normed.begin(), normed.end(), head);
    }
    const int rotated = o_.rotated > 0 ? o_.rotated : o_.key_dim;
    for (int i = 0; i < rotated / 2; ++i) {
      double angle = static_cast<double>(position) * std::pow(slides ? 10000.0 : o_.rope_base, -2.0 * i / rotated);
      if (!slides) angle /= o_.linear_factor;
      if (o_.rope_factors) angle /= 1 + 0.5 * i;
      const bool neighbours = o_.architecture == "llama";
      double& a = row[begin + static_cast<std::size_t>(neighbours ? 2 * i : i)];
      double& b = row[begin + static_cast<std::size_t>(neighbours ? 2 * i + 1 : i + rotated / 2)];
      const double turned = a * std::cos(angle) - b * std::sin(angle);
      b = a * std::sin(angle) + b * std::cos(angle);
      a = turned;
    }
  }

  double activate(double x) const {
    if (!gemma3()) return x / (1 + std::exp(-x));
    return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
  }

  Row norm(const Row& x, const char* name) {
    double square = 0;
    for (double value : x) square += value * value;
    const double inverse = 1 / std::sqrt(square / static_cast<double>(x.size()) + 1e-5);
    const Row& weight = vector(name);
    Row y(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) y[i] = x[i] * inverse * weight[i];
    return y;
  }

  Row times(const char* name, const Row& x) {
    Row y;
    for (const Row& w : matrix(name)) {
      double sum = 0;
      for (std::size_t i = 0; i < x.size(); ++i) sum += w[i] * x[i];
      y.push_back(sum);
    }
    return y;
  }

  static void add(Row& x, const Row& y) {
    for (std::size_t i = 0; i < x.size(); ++i) x[i] += y[i];
  }
  static void scale(Row& x, double factor) {
    for (double& value : x) value *= factor;
  }

  const Row& vector(const char* name) { return matrix(name)[0]; }
  /// A tensor's rows as doubles; the file's own numbers, whatever the type.
  const std::vector<Row>& matrix(const char* name) {
    std::vector<Row>& rows = matrices_[prefix_ + name];
    if (!rows.empty()) return rows;
    const GgufBytes::Tensor& tensor = file_.tensors.at(prefix_ + name);
    const std::size_t columns = tensor.shape[0], bytes = row_bytes(tensor.type, columns);
    for (std::size_t at = 0; at < tensor.data.size(); at += bytes) {
      std::vector<float> row(columns);
      dequantize_row(tensor.type, tensor.data.data() + at, row.data(), columns);
      rows.emplace_back(row.begin(), row.end());
    }
    return rows;
  }

  const SmallModelOptions& o_;
  const GgufBytes& file_;
  std::string prefix_;
  std::map<std::string, std::vector<Row>> matrices_;
};

}  // namespace mnema::testing
