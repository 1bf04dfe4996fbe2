// tests/inference/model/small_encoder.hpp
//
// A BERT encoder small enough for every build, with random weights from a seed, as a file in memory; and
// what it must compute, as the paper's formulas say, in double and without a kernel of ours.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "inference/request.hpp"
#include "tests/inference/formats/onnx_builder.hpp"

namespace mnema::testing {

class SmallEncoder {
 public:
  static constexpr std::size_t kWidth = 64, kHeadDim = 32, kHidden = 128, kLayers = 2, kPositions = 512;
  explicit SmallEncoder(std::size_t vocabulary = 40, unsigned seed = 7) : random_(seed) {
    add("embeddings.word_embeddings.weight", vocabulary, kWidth, 1);
    add("embeddings.position_embeddings.weight", kPositions, kWidth, 0.3F);
    add("embeddings.token_type_embeddings.weight", 2, kWidth, 0.3F);
    add_norm("embeddings.LayerNorm");
    for (std::size_t i = 0; i < kLayers; ++i) {
      const std::string layer = "encoder.layer." + std::to_string(i) + ".";
      for (const char* name : {"query", "key", "value"}) add_linear(layer + "attention.self." + name, kWidth, kWidth);
      add_linear(layer + "attention.output.dense", kWidth, kWidth);
      add_norm(layer + "attention.output.LayerNorm");
      add_linear(layer + "intermediate.dense", kHidden, kWidth);
      add_linear(layer + "output.dense", kWidth, kHidden);
      add_norm(layer + "output.LayerNorm");
    }
  }

  /// Puts a tensor in the place of the one of that name, right or wrong, or beside the others; 0 rows: a vector.
  void put(const std::string& name, std::size_t rows, std::size_t columns, std::vector<float> values) {
    tensors_[name] = {rows, columns, std::move(values)};
  }

  /// As a file.
  [[nodiscard]] std::string safetensors() const {
    std::string header, data;
    for (const auto& [name, tensor] : tensors_) {
      const std::string shape = tensor.rows == 0 ? std::to_string(tensor.columns)
                                                 : std::to_string(tensor.rows) + "," + std::to_string(tensor.columns);
      header += (header.empty() ? "{\"" : ",\"") + name + R"(":{"dtype":"F32","shape":[)" + shape +
                "],\"data_offsets\":[" + std::to_string(data.size()) + ",";
      data.append(reinterpret_cast<const char*>(tensor.values.data()), tensor.values.size() * sizeof(float));
      header += std::to_string(data.size()) + "]}";
    }
    header += "}";
    std::string file(8, '\0');
    const std::uint64_t length = header.size();
    std::memcpy(file.data(), &length, 8);
    return file + header + data;
  }

  /// As an ONNX file as exporters write one: linear weights turned around, without a name of their own. `bits8`: they
  /// and the tables are rounded to unsigned bytes, one scale for each. `states` then answers for the rounded numbers.
  [[nodiscard]] std::string onnx(bool bits8) {
    OnnxBuilder file;
    int number = 100;
    for (auto& [name, tensor] : tensors_) {
      if (tensor.rows == 0) {
        file.tensor(name, OnnxType::kFloat, {tensor.columns}, tensor.values);
        continue;
      }
      const bool is_table = name.starts_with("embeddings.");
      const std::string stored = is_table ? name : "onnx::MatMul_" + std::to_string(++number);
      if (bits8) {
        put_bytes(file, stored, tensor, !is_table);
      } else {
        const std::vector<std::uint64_t> shape = is_table ? std::vector<std::uint64_t>{tensor.rows, tensor.columns}
                                                          : std::vector<std::uint64_t>{tensor.columns, tensor.rows};
        file.tensor(stored, OnnxType::kFloat, shape, is_table ? tensor.values : turned(tensor, tensor.values));
      }
      if (is_table) continue;
      std::string layer = "/" + name.substr(0, name.size() - std::string(".weight").size());
      for (std::size_t at = 0; (at = layer.find('.', at)) != std::string::npos; ++at) {
        if (layer[at + 1] < '0' || layer[at + 1] > '9') layer[at] = '/';
      }
      if (bits8)
        file.node(layer + "/MatMul_quant", "MatMulInteger", {"x", stored + "_quantized", "z", stored + "_zero_point"});
      else
        file.node(layer + "/MatMul", "MatMul", {"x", stored});
    }
    file.node("/encoder/layer.0/attention/self/MatMul", "MatMul", {"queries", "keys"});
    return file.build();
  }

  using Row = std::vector<double>;
  /// The final hidden states of a sequence.
  [[nodiscard]] std::vector<Row> states(const std::vector<TokenId>& ids) const {
    std::vector<Row> x;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      Row row(kWidth);
      for (std::size_t d = 0; d < kWidth; ++d) {
        row[d] = at("embeddings.word_embeddings.weight", static_cast<std::size_t>(ids[i]), d) +
                 at("embeddings.position_embeddings.weight", i, d) +
                 at("embeddings.token_type_embeddings.weight", 0, d);
      }
      x.push_back(norm("embeddings.LayerNorm", row));
    }
    for (std::size_t i = 0; i < kLayers; ++i) x = layer("encoder.layer." + std::to_string(i) + ".", x);
    return x;
  }

 private:
  struct Tensor {
    std::size_t rows, columns;  // 0 rows: a vector
    std::vector<float> values;
  };

  template <class T>
  static std::vector<T> turned(const Tensor& tensor, const std::vector<T>& values) {
    std::vector<T> made(values.size());
    for (std::size_t r = 0; r < tensor.rows; ++r) {
      for (std::size_t c = 0; c < tensor.columns; ++c) made[c * tensor.rows + r] = values[r * tensor.columns + c];
    }
    return made;
  }
  static void put_bytes(OnnxBuilder& file, const std::string& name, Tensor& tensor, bool turn) {
    const auto [low, high] = std::minmax_element(tensor.values.begin(), tensor.values.end());
    const float scale = (*high - *low) / 255;
    const int zero = static_cast<int>(std::lround(-*low / scale));
    std::vector<std::uint8_t> bytes;
    for (float& value : tensor.values) {
      const long whole = std::clamp(std::lround(value / scale) + zero, 0L, 255L);
      bytes.push_back(static_cast<std::uint8_t>(whole));
      value = scale * static_cast<float>(whole - zero);
    }
    const std::vector<std::uint64_t> shape = turn ? std::vector<std::uint64_t>{tensor.columns, tensor.rows}
                                                  : std::vector<std::uint64_t>{tensor.rows, tensor.columns};
    file.tensor(name + "_quantized", OnnxType::kUint8, shape, turn ? turned(tensor, bytes) : bytes);
    file.spelled(name + "_scale", scale).spelled(name + "_zero_point", OnnxType::kUint8, zero);
  }
  void add(const std::string& name, std::size_t rows, std::size_t columns, float spread, float mean = 0) {
    std::normal_distribution<float> normal(mean, spread);
    Tensor tensor{rows, columns, std::vector<float>(std::max<std::size_t>(1, rows) * columns)};
    for (float& value : tensor.values) value = normal(random_);
    tensors_[name] = std::move(tensor);
  }
  void add_linear(const std::string& name, std::size_t out, std::size_t in) {
    add(name + ".weight", out, in, 1.5F / std::sqrt(static_cast<float>(in)));
    add(name + ".bias", 0, out, 0.1F);
  }
  void add_norm(const std::string& name) {
    add(name + ".weight", 0, kWidth, 0.1F, 1);
    add(name + ".bias", 0, kWidth, 0.1F);
  }
  [[nodiscard]] double at(const std::string& name, std::size_t row, std::size_t column) const {
    const Tensor& tensor = tensors_.at(name);
    return tensor.values.at(row * tensor.columns + column);
  }
  [[nodiscard]] Row linear(const std::string& name, const Row& x) const {
    const Tensor& weight = tensors_.at(name + ".weight");
    Row y(weight.rows);
    for (std::size_t o = 0; o < y.size(); ++o) {
      y[o] = at(name + ".bias", 0, o);
      for (std::size_t i = 0; i < x.size(); ++i) y[o] += weight.values[o * weight.columns + i] * x[i];
    }
    return y;
  }
  [[nodiscard]] Row norm(const std::string& name, const Row& x) const {
    double mean = 0, square = 0;
    for (const double value : x) mean += value / static_cast<double>(x.size());
    for (const double value : x) square += (value - mean) * (value - mean) / static_cast<double>(x.size());
    Row y(x.size());
    for (std::size_t d = 0; d < x.size(); ++d) {
      y[d] = (x[d] - mean) / std::sqrt(square + 1e-12) * at(name + ".weight", 0, d) + at(name + ".bias", 0, d);
    }
    return y;
  }
  [[nodiscard]] std::vector<Row> layer(const std::string& name, const std::vector<Row>& x) const {
    std::vector<Row> query, key, value, out;
    for (const Row& row : x) {
      query.push_back(linear(name + "attention.self.query", row));
      key.push_back(linear(name + "attention.self.key", row));
      value.push_back(linear(name + "attention.self.value", row));
    }
    for (std::size_t i = 0; i < x.size(); ++i) {
      Row mixed(kWidth, 0);
      for (std::size_t head = 0; head < kWidth; head += kHeadDim) {
        Row weights;
        double sum = 0;
        for (const Row& other : key) {
          double score = 0;
          for (std::size_t d = head; d < head + kHeadDim; ++d) score += query[i][d] * other[d];
          weights.push_back(std::exp(score / std::sqrt(static_cast<double>(kHeadDim))));
          sum += weights.back();
        }
        for (std::size_t j = 0; j < x.size(); ++j) {
          for (std::size_t d = head; d < head + kHeadDim; ++d) mixed[d] += weights[j] / sum * value[j][d];
        }
      }
      const Row first =
          norm(name + "attention.output.LayerNorm", plus(linear(name + "attention.output.dense", mixed), x[i]));
      Row hidden = linear(name + "intermediate.dense", first);
      for (double& h : hidden) h = 0.5 * h * (1 + std::erf(h / std::sqrt(2.0)));
      out.push_back(norm(name + "output.LayerNorm", plus(linear(name + "output.dense", hidden), first)));
    }
    return out;
  }
  [[nodiscard]] static Row plus(Row a, const Row& b) {
    for (std::size_t d = 0; d < a.size(); ++d) a[d] += b[d];
    return a;
  }

  std::mt19937 random_;
  std::map<std::string, Tensor> tensors_;
};

/// Of two vectors of any kind of number and length.
template <class A, class B>
double cosine(const A* a, const B* b, std::size_t n) {
  double dot = 0, left = 0, right = 0;
  for (std::size_t i = 0; i < n; ++i) {
    dot += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    left += static_cast<double>(a[i]) * static_cast<double>(a[i]);
    right += static_cast<double>(b[i]) * static_cast<double>(b[i]);
  }
  return dot / std::sqrt(left * right);
}

}  // namespace mnema::testing
